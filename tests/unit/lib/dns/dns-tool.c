/* SPDX-License-Identifier: GPL-3.0-or-later */

/* dns-tool query SERVER NAME TYPE
 * dns-tool update SERVER ZONE KEY-FILE|- NAME[=ADDRESS,…]…
 * Prints the records, or "error CODE MESSAGE". */

#include "lib/base/error.h"
#include "lib/dns/dns-query.h"
#include "lib/dns/dns-update.h"

#include <stdio.h>

#define SECONDS 4

static void
keep_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  *(GAsyncResult **)user_data = g_object_ref (result);
}

static GAsyncResult *
wait_for (GAsyncResult **result)
{
  while (!*result)
    g_main_context_iteration (NULL, TRUE);
  return *result;
}

static void
query (char **arguments)
{
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) texts = NULL;

  funnel_dns_query_async (arguments[1], arguments[2], arguments[0], SECONDS, NULL, keep_cb,
                          &result);
  texts = funnel_dns_query_finish (wait_for (&result), &error);
  for (guint i = 0; texts && texts[i]; i++)
    puts (texts[i]);
  if (error)
    printf ("error %s %s\n", funnel_error_code_text (error->code), error->message);
}

static void
update (char **arguments)
{
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (FunnelDnsKey) key = NULL;
  g_autoptr (GPtrArray) changes
      = g_ptr_array_new_with_free_func ((GDestroyNotify)funnel_dns_change_free);

  for (guint i = 3; arguments[i]; i++)
    {
      g_auto (GStrv) parts = g_strsplit (arguments[i], "=", 2);
      g_auto (GStrv) addresses = parts[1] ? g_strsplit (parts[1], ",", -1) : NULL;

      g_ptr_array_add (changes, funnel_dns_change_new (parts[0], (const char *const *)addresses));
    }
  if (!g_str_equal (arguments[2], "-"))
    key = funnel_dns_key_load (arguments[2], &error);
  if (!error)
    {
      funnel_dns_update_async (arguments[0], arguments[1], key, changes, 60, SECONDS, NULL, keep_cb,
                               &result);
      funnel_dns_update_finish (wait_for (&result), &error);
    }
  if (error)
    printf ("error %s %s\n", funnel_error_code_text (error->code), error->message);
  else
    puts ("done");
}

int
main (int argc, char **argv)
{
  if (argc == 5 && g_str_equal (argv[1], "query"))
    query (argv + 2);
  else if (argc >= 6 && g_str_equal (argv[1], "update"))
    update (argv + 2);
  else
    return 2;
  return 0;
}
