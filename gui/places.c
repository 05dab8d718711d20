/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gui/places.h"

#include <string.h>

#define PLACES_MAX 200
#define HTTPS_PORT 443

void
funnel_place_free (FunnelPlace *place)
{
  g_free (place->name);
  g_free (place->used_for);
  g_free (place);
}

static char *
dup_target_at (GListModel *shares, const char *name, guint16 port)
{
  for (guint i = 0; i < g_list_model_get_n_items (shares); i++)
    {
      g_autoptr (FunnelDBusShare) share = g_list_model_get_item (shares, i);

      if (funnel_dbus_share_get_port (share) == port
          && g_strcmp0 (funnel_dbus_share_get_name (share), name) == 0)
        return g_strdup (funnel_dbus_share_get_target (share));
    }
  return NULL;
}

static void
add_place (GPtrArray *places, GListModel *shares, const char *name, guint16 port, gboolean granted)
{
  FunnelPlace *place = NULL;

  if (places->len >= PLACES_MAX || g_str_has_prefix (name, "*"))
    return;
  place = g_new0 (FunnelPlace, 1);
  place->name = g_strdup (name);
  place->port = port;
  place->granted = granted;
  place->used_for = dup_target_at (shares, name, port);
  g_ptr_array_add (places, place);
}

static void
add_granted (GPtrArray *places, FunnelDBusIngress *ingress, GListModel *shares)
{
  GVariant *grants = funnel_dbus_ingress_get_grants (ingress);
  GVariantIter iter;
  const char *name = NULL;
  GVariantIter *ports = NULL;
  guint16 port = 0;

  if (!grants)
    return;
  g_variant_iter_init (&iter, grants);
  while (g_variant_iter_loop (&iter, "{&saq}", &name, &ports))
    while (g_variant_iter_next (ports, "q", &port))
      add_place (places, shares, name, port, TRUE);
}

static void
add_assigned (GPtrArray *places, FunnelDBusIngress *ingress, GListModel *shares)
{
  const char *const *names = funnel_dbus_ingress_get_names (ingress);
  GVariant *ports = funnel_dbus_ingress_get_public_ports (ingress);
  gsize n = ports ? g_variant_n_children (ports) : 0;

  for (; names && *names; names++)
    for (gsize i = 0; i < n; i++)
      {
        guint16 port = 0;

        g_variant_get_child (ports, i, "q", &port);
        add_place (places, shares, *names, port, FALSE);
      }
}

GPtrArray *
funnel_places_list (FunnelDBusIngress *ingress, GListModel *shares)
{
  g_autoptr (GPtrArray) found = g_ptr_array_new ();
  GPtrArray *places = g_ptr_array_new_with_free_func ((GDestroyNotify)funnel_place_free);

  if (!ingress)
    return places;
  add_granted (found, ingress, shares);
  if (found->len == 0)
    add_assigned (found, ingress, shares);
  for (guint used = 0; used < 2; used++)
    for (guint i = 0; i < found->len; i++)
      {
        FunnelPlace *place = g_ptr_array_index (found, i);

        if ((place->used_for != NULL) == (used == 1))
          g_ptr_array_add (places, place);
      }
  return places;
}

FunnelPlace *
funnel_place_read (const char *text, GListModel *shares)
{
  g_autofree char *name = g_strstrip (g_strdup (text));
  char *colon = strrchr (name, ':');
  guint64 port = HTTPS_PORT;
  FunnelPlace *place = NULL;

  if (colon && !g_ascii_string_to_unsigned (colon + 1, 10, 1, G_MAXUINT16, &port, NULL))
    return NULL;
  if (colon)
    *colon = '\0';
  if (!*name || strpbrk (name, " /:"))
    return NULL;
  place = g_new0 (FunnelPlace, 1);
  place->name = g_steal_pointer (&name);
  place->port = (guint16)port;
  place->used_for = dup_target_at (shares, place->name, place->port);
  return place;
}

char *
funnel_place_dup_url (const FunnelPlace *place, const char *kind)
{
  if (g_strcmp0 (kind, "https") != 0)
    return g_strdup_printf ("tcp://%s:%u", place->name, place->port);
  if (place->port == HTTPS_PORT)
    return g_strdup_printf ("https://%s", place->name);
  return g_strdup_printf ("https://%s:%u", place->name, place->port);
}
