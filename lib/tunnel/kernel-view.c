/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/tunnel/kernel-view.h"

#include "lib/tunnel/netlink.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/inet_diag.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <unistd.h>

#define INTERFACES_MAX 4
#define HOST_BITS 32
#define HALF_BITS 1 /* two halves of everything are how some VPNs write a default route */

typedef struct
{
  struct nlmsghdr header;
  struct rtmsg route;
  char attributes[64];
} RouteRequest;

static void
add_attribute (struct nlmsghdr *header, guint16 type, const void *data, guint16 size)
{
  struct rtattr *attribute = (struct rtattr *)((char *)header + NLMSG_ALIGN (header->nlmsg_len));

  attribute->rta_type = type;
  attribute->rta_len = RTA_LENGTH (size);
  memcpy (RTA_DATA (attribute), data, size);
  header->nlmsg_len = NLMSG_ALIGN (header->nlmsg_len) + RTA_SPACE (size);
}

/* ---- one route ---- */

typedef struct
{
  guint8 type;
  guint8 prefix;
  guint32 device; /* index; 0 none */
} FoundRoute;

static void
on_route (const struct nlmsghdr *message, gpointer user_data)
{
  FoundRoute *found = user_data;
  const struct rtmsg *route = NLMSG_DATA (message);
  const guint32 *device = NULL;

  if (message->nlmsg_type != RTM_NEWROUTE || message->nlmsg_len < NLMSG_LENGTH (sizeof *route))
    return;
  device = funnel_netlink_attribute (message, sizeof *route, RTA_OIF, sizeof *device);
  found->device = device ? *device : 0;
  found->type = route->rtm_type;
  found->prefix = route->rtm_dst_len;
}

/* @match: which route it is, rather than what becomes of the packet. */
static int
get_route (const char *address, gboolean match, FoundRoute *found)
{
  struct in_addr ip;
  RouteRequest request = {
      .header = {.nlmsg_len = NLMSG_LENGTH (sizeof request.route), .nlmsg_type = RTM_GETROUTE},
      .route
      = {.rtm_family = AF_INET, .rtm_dst_len = HOST_BITS, .rtm_flags = match ? RTM_F_FIB_MATCH : 0},
  };

  if (inet_pton (AF_INET, address, &ip) != 1)
    return -EINVAL;
  add_attribute (&request.header, RTA_DST, &ip, sizeof ip);
  return funnel_netlink_ask (NETLINK_ROUTE, &request.header, FALSE, on_route, found);
}

int
funnel_kernel_view_is_local (const char *address)
{
  FoundRoute found = {0};
  int result = get_route (address, FALSE, &found);

  if (result == -ENETUNREACH || result == -EHOSTUNREACH || result == -EACCES)
    return 0;
  return result < 0 ? result : found.type == RTN_LOCAL;
}

static gboolean
is_named (guint32 device, const char *prefix)
{
  char name[IF_NAMESIZE] = "";

  return if_indextoname (device, name) && g_str_has_prefix (name, prefix);
}

int
funnel_kernel_view_is_routed (const char *address, const char *except)
{
  FoundRoute found = {0};
  int result = get_route (address, TRUE, &found);

  if (result == -ENETUNREACH || result == -EHOSTUNREACH || result == -EACCES)
    return 0;
  if (result < 0)
    return result;
  if (found.type == RTN_LOCAL)
    return !is_named (found.device, except);
  return found.prefix > HALF_BITS;
}

/* ---- a table ---- */

typedef struct
{
  FunnelKernelTable *out;
  guint32 table;
  struct in_addr peer;
  guint interface;
} TableSearch;

static void
note_stray (TableSearch *search, const struct rtmsg *route, const struct in_addr *to)
{
  char text[INET_ADDRSTRLEN] = "0.0.0.0";

  if (to)
    inet_ntop (AF_INET, to, text, sizeof text);
  g_snprintf (search->out->stray, sizeof search->out->stray, "%s/%u", text, route->rtm_dst_len);
}

static void
on_table_entry (const struct nlmsghdr *message, gpointer user_data)
{
  TableSearch *search = user_data;
  const struct rtmsg *route = NLMSG_DATA (message);
  const guint32 *table = NULL, *out = NULL;
  const struct in_addr *to = NULL;

  if (message->nlmsg_type != RTM_NEWROUTE || message->nlmsg_len < NLMSG_LENGTH (sizeof *route))
    return;
  table = funnel_netlink_attribute (message, sizeof *route, RTA_TABLE, sizeof *table);
  if ((table ? *table : route->rtm_table) != search->table)
    return;
  search->out->entries++;
  to = funnel_netlink_attribute (message, sizeof *route, RTA_DST, sizeof *to);
  out = funnel_netlink_attribute (message, sizeof *route, RTA_OIF, sizeof *out);
  if (route->rtm_type == RTN_UNREACHABLE && route->rtm_dst_len == 0)
    search->out->unreachable_default = TRUE;
  else if (route->rtm_type == RTN_UNICAST
           && !(route->rtm_dst_len == HOST_BITS && to && to->s_addr == search->peer.s_addr && out
                && *out == search->interface))
    note_stray (search, route, to);
}

int
funnel_kernel_view_table (guint32 table,
                          const char *peer,
                          const char *interface,
                          FunnelKernelTable *out)
{
  TableSearch search = {.out = out, .table = table, .interface = if_nametoindex (interface)};
  RouteRequest request = {
      .header = {.nlmsg_len = NLMSG_LENGTH (sizeof request.route), .nlmsg_type = RTM_GETROUTE},
      .route = {.rtm_family = AF_INET},
  };
  int result = 0;

  *out = (FunnelKernelTable) {0};
  if (inet_pton (AF_INET, peer, &search.peer) != 1)
    return -EINVAL;
  add_attribute (&request.header, RTA_TABLE, &table, sizeof table);
  result = funnel_netlink_ask (NETLINK_ROUTE, &request.header, TRUE, on_table_entry, &search);
  /* A table nobody uses does not exist. */
  return result == -ENOENT ? 0 : result;
}

/* ---- rules ---- */

typedef struct
{
  guint32 table; /* asked for; 0 none */
  gboolean used;
  gboolean vrf;
  guint32 vrf_priority;
  guint32 main_priority;
} RuleSearch;

static void
on_rule (const struct nlmsghdr *message, gpointer user_data)
{
  RuleSearch *search = user_data;
  const struct fib_rule_hdr *rule = NLMSG_DATA (message);
  const guint32 *table = NULL, *priority = NULL;
  const guint8 *vrf = NULL;

  if (message->nlmsg_type != RTM_NEWRULE || message->nlmsg_len < NLMSG_LENGTH (sizeof *rule))
    return;
  table = funnel_netlink_attribute (message, sizeof *rule, FRA_TABLE, sizeof *table);
  priority = funnel_netlink_attribute (message, sizeof *rule, FRA_PRIORITY, sizeof *priority);
  vrf = funnel_netlink_attribute (message, sizeof *rule, FRA_L3MDEV, sizeof *vrf);
  if (search->table && table && *table == search->table)
    search->used = TRUE;
  if (vrf && *vrf && rule->action == FR_ACT_TO_TBL)
    {
      search->vrf = TRUE;
      search->vrf_priority = priority ? *priority : 0;
    }
  if (table && *table == RT_TABLE_MAIN && priority)
    search->main_priority = MIN (search->main_priority, *priority);
}

static int
search_rules (RuleSearch *search)
{
  struct
  {
    struct nlmsghdr header;
    struct fib_rule_hdr rule;
  } request = {
      .header = {.nlmsg_len = NLMSG_LENGTH (sizeof request.rule), .nlmsg_type = RTM_GETRULE},
      .rule = {.family = AF_INET},
  };

  search->main_priority = G_MAXUINT32;
  return funnel_netlink_ask (NETLINK_ROUTE, &request.header, TRUE, on_rule, search);
}

int
funnel_kernel_view_has_vrf_rule (void)
{
  RuleSearch search = {0};
  int result = search_rules (&search);

  return result < 0 ? result : search.vrf && search.vrf_priority < search.main_priority;
}

/* ---- VRFs ---- */

static const struct rtattr *
find_nested (const struct rtattr *outer, guint16 type)
{
  const struct rtattr *inner = RTA_DATA (outer);

  for (int left = (int)RTA_PAYLOAD (outer); RTA_OK (inner, left); inner = RTA_NEXT (inner, left))
    if ((inner->rta_type & NLA_TYPE_MASK) == type)
      return inner;
  return NULL;
}

static void
on_link (const struct nlmsghdr *message, gpointer user_data)
{
  RuleSearch *search = user_data;
  const void *payload
      = funnel_netlink_attribute (message, sizeof (struct ifinfomsg), IFLA_LINKINFO, 0);
  const struct rtattr *info = NULL, *kind = NULL, *data = NULL, *table = NULL;

  if (message->nlmsg_type != RTM_NEWLINK || !payload)
    return;
  info = (const struct rtattr *)((const char *)payload - RTA_LENGTH (0));
  kind = find_nested (info, IFLA_INFO_KIND);
  data = find_nested (info, IFLA_INFO_DATA);
  if (!kind || !data || strncmp (RTA_DATA (kind), "vrf", RTA_PAYLOAD (kind)) != 0)
    return;
  table = find_nested (data, IFLA_VRF_TABLE);
  if (table && RTA_PAYLOAD (table) == sizeof search->table
      && memcmp (RTA_DATA (table), &search->table, sizeof search->table) == 0)
    search->used = TRUE;
}

gboolean
funnel_kernel_view_table_is_used (guint32 table)
{
  RuleSearch search = {.table = table};
  FunnelKernelTable routes;
  struct
  {
    struct nlmsghdr header;
    struct ifinfomsg link;
  } request = {
      .header = {.nlmsg_len = NLMSG_LENGTH (sizeof request.link), .nlmsg_type = RTM_GETLINK},
  };

  /* What cannot be seen counts as used: another number is easily found. */
  if (funnel_kernel_view_table (table, "0.0.0.0", "", &routes) < 0
      || routes.entries > (guint)routes.unreachable_default || search_rules (&search) < 0
      || funnel_netlink_ask (NETLINK_ROUTE, &request.header, TRUE, on_link, &search) < 0)
    return TRUE;
  return search.used;
}

/* ---- listeners ---- */

typedef struct
{
  guint interfaces[INTERFACES_MAX];
  const GArray *ports; /* NULL: none is ours */
  int protocol;
  char *found;
} ListenerSearch;

static gboolean
is_ours (const ListenerSearch *search, guint16 port)
{
  for (guint i = 0; search->protocol == IPPROTO_TCP && search->ports && i < search->ports->len; i++)
    if (g_array_index (search->ports, guint16, i) == port)
      return TRUE;
  return FALSE;
}

static void
on_socket (const struct nlmsghdr *message, gpointer user_data)
{
  ListenerSearch *search = user_data;
  const struct inet_diag_msg *socket = NLMSG_DATA (message);
  guint16 port = 0;

  if (message->nlmsg_type != SOCK_DIAG_BY_FAMILY
      || message->nlmsg_len < NLMSG_LENGTH (sizeof *socket) || search->found)
    return;
  port = ntohs (socket->id.idiag_sport);
  for (guint i = 0; i < INTERFACES_MAX && search->interfaces[i]; i++)
    if (socket->id.idiag_if == search->interfaces[i] && !is_ours (search, port))
      search->found
          = g_strdup_printf ("%s port %u", search->protocol == IPPROTO_TCP ? "TCP" : "UDP", port);
}

/* A kernel that cannot list its sockets (no module for it) tells nothing: no finding. */
static void
search_listeners (ListenerSearch *search, guint8 family)
{
  gboolean tcp = search->protocol == IPPROTO_TCP;
  struct
  {
    struct nlmsghdr header;
    struct inet_diag_req_v2 question;
  } request = {
      .header
      = {.nlmsg_len = NLMSG_LENGTH (sizeof request.question), .nlmsg_type = SOCK_DIAG_BY_FAMILY},
      .question = {.sdiag_family = family,
                   .sdiag_protocol = (guint8)search->protocol,
                   .idiag_states = tcp ? 1u << TCP_LISTEN : ~0u},
  };

  if (!search->found)
    funnel_netlink_ask (NETLINK_SOCK_DIAG, &request.header, TRUE, on_socket, search);
}

char *
funnel_kernel_view_foreign_listener (const char *const *interfaces, const GArray *ports)
{
  ListenerSearch search = {.ports = ports};
  static const int protocols[] = {IPPROTO_TCP, IPPROTO_UDP};
  guint n = 0;

  for (guint i = 0; interfaces[i] && n < INTERFACES_MAX; i++)
    {
      search.interfaces[n] = if_nametoindex (interfaces[i]);
      if (search.interfaces[n])
        n++;
    }
  if (n == 0)
    return NULL;
  for (guint i = 0; i < G_N_ELEMENTS (protocols); i++)
    {
      search.protocol = protocols[i];
      search_listeners (&search, AF_INET);
      search_listeners (&search, AF_INET6);
    }
  return search.found;
}

/* ---- files ---- */

char *
funnel_kernel_view_master (const char *interface)
{
  g_autofree char *path = g_strdup_printf ("/sys/class/net/%s/master", interface);
  char target[256];
  gssize length = readlink (path, target, sizeof target - 1);

  if (length <= 0)
    return NULL;
  target[length] = '\0';
  return g_path_get_basename (target);
}

gint64
funnel_kernel_view_number (gint64 missing, const char *format, ...)
{
  g_autofree char *path = NULL;
  g_autofree char *text = NULL;
  va_list arguments;

  va_start (arguments, format);
  path = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  if (!g_file_get_contents (path, &text, NULL, NULL) || !g_ascii_isdigit (text[0]))
    return missing;
  return g_ascii_strtoll (text, NULL, 10);
}

static gboolean
lists_module (const char *folder, const char *list, const char *name)
{
  g_autofree char *path = g_build_filename (folder, list, NULL);
  g_autofree char *file = g_strdup_printf ("/%s.ko", name);
  g_autofree char *text = NULL;

  return g_file_get_contents (path, &text, NULL, NULL) && strstr (text, file) != NULL;
}

gboolean
funnel_kernel_view_has_module (const char *name)
{
  struct utsname system;
  g_autofree char *loaded = g_build_filename ("/sys/module", name, NULL);
  g_autofree char *folder = NULL;
  g_autofree char *list = NULL;

  if (g_file_test (loaded, G_FILE_TEST_IS_DIR) || uname (&system) < 0)
    return TRUE;
  folder = g_build_filename ("/lib/modules", system.release, NULL);
  list = g_build_filename (folder, "modules.dep", NULL);
  return !g_file_test (list, G_FILE_TEST_IS_REGULAR) || lists_module (folder, "modules.dep", name)
         || lists_module (folder, "modules.builtin", name);
}
