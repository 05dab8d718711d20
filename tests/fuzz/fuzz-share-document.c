/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Input: a document of shares, as it stands on disk or as somebody imports it. */
#include "tests/fuzz/fuzz.h"

#include "daemon/model/share-document.h"
#include "daemon/model/share-import.h"

#include <string.h>

/* What was read is canonical: written and read again it is the same. */
static void
check_round_trip (const GPtrArray *specs)
{
  FunnelShareList *list = funnel_share_list_new ();
  FunnelShareList *again = funnel_share_list_new ();
  GPtrArray *specs_again = NULL;
  char *text = NULL, *text_again = NULL;

  for (guint i = 0; i < specs->len; i++)
    funnel_share_list_put (list, g_ptr_array_index (specs, i));
  text = funnel_share_document_print (list, FALSE);
  specs_again = funnel_share_document_parse (text, strlen (text), NULL, NULL);
  REQUIRE (specs_again != NULL);
  for (guint i = 0; i < specs_again->len; i++)
    funnel_share_list_put (again, g_ptr_array_index (specs_again, i));
  text_again = funnel_share_document_print (again, FALSE);
  REQUIRE (strcmp (text, text_again) == 0);
  g_ptr_array_unref (specs_again);
  g_free (text);
  g_free (text_again);
  g_object_unref (list);
  g_object_unref (again);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  char *text = g_strndup ((const char *)data, size);
  GPtrArray *notes = g_ptr_array_new_with_free_func (g_free);
  GError *error = NULL;
  GPtrArray *specs = funnel_share_document_parse (text, strlen (text), NULL, &error);
  GPtrArray *imported = NULL;

  REQUIRE ((specs == NULL) == (error != NULL));
  g_clear_error (&error);
  imported = funnel_share_import_parse (text, notes, &error);
  REQUIRE ((imported == NULL) == (error != NULL));
  g_clear_error (&error);
  if (specs != NULL)
    check_round_trip (specs);
  g_clear_pointer (&specs, g_ptr_array_unref);
  g_clear_pointer (&imported, g_ptr_array_unref);
  g_ptr_array_unref (notes);
  g_free (text);
  return 0;
}
