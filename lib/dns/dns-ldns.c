/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "lib/dns/dns-ldns.h"

#include "lib/base/error.h"

#include <dlfcn.h>
#include <glib/gi18n.h>

#define LIBRARY "libldns.so.3" /* of ldns 1.8, whose header this is built with */

DnsLdns dns_ldns;

/* In the order of the members, each of which is a pointer to a function. */
#define NAME(name) "ldns_" #name,
static const char *const names[] = {DNS_LDNS_CALLS (NAME)};
#undef NAME
G_STATIC_ASSERT (sizeof dns_ldns == G_N_ELEMENTS (names) * sizeof (void *));

/* NULL, or why not. The text is kept for whoever asks later. */
static char *
load (void)
{
  void *library = dlopen (LIBRARY, RTLD_LAZY | RTLD_LOCAL);
  void **members = (void **)&dns_ldns;

  if (library == NULL)
    return g_strdup (dlerror ());
  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    {
      members[i] = dlsym (library, names[i]);
      if (members[i] == NULL)
        return g_strdup (dlerror ());
    }
  return NULL;
}

gboolean
dns_ldns_load (GError **error)
{
  static char *problem;
  static gsize is_done;

  if (g_once_init_enter (&is_done))
    {
      problem = load ();
      g_once_init_leave (&is_done, 1);
    }
  if (problem != NULL)
    g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_FAILED,
                 N_ ("DNS cannot be asked without the library ldns; install its package: %s"),
                 problem);
  return problem == NULL;
}
