/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gui/preferences.h"

#define SCHEMA "org.openfunnel.Funnel"

GSettings *
funnel_preferences_new (void)
{
  GSettingsSchemaSource *source = g_settings_schema_source_get_default ();
  g_autoptr (GSettingsSchema) schema
      = source ? g_settings_schema_source_lookup (source, SCHEMA, TRUE) : NULL;

  return schema ? g_settings_new_full (schema, NULL, NULL) : NULL;
}
