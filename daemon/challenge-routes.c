/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/challenge-routes.h"

#include <glib/gi18n.h>

#include "lib/base/error.h"

#define CHALLENGE_PORT 443
#define ROUTED_MS 20000     /* for the ingress to say that it routes the name */
#define FIRST_ID (1u << 31) /* of served entries that are no shares; those count from 1 */

typedef struct
{
  FunnelChallengeRoutes *routes;
  char *name;
  guint32 id;
  guint32 epoch; /* of an entry of its own */
  guint16 port;
  FunnelCertificate *challenge;
  GTask *publishing; /* NULL: it is published */
  gulong cancelled;
  guint deadline;
  guint32 announced_epoch; /* what to wait for */
  gboolean announced;
} Route;

struct _FunnelChallengeRoutes
{
  FunnelShareList *list;
  FunnelIngressRuntime *ingress;
  void (*changed) (gpointer user_data);
  gpointer user_data;
  GHashTable *routes; /* name → Route* */
  guint32 last;
};

/* --- The way as it is now --- */

static FunnelIngress *
get_ingress (FunnelChallengeRoutes *self)
{
  return self->ingress != NULL ? funnel_ingress_runtime_get_ingress (self->ingress) : NULL;
}

static guint16
choose_port (FunnelIngress *ingress)
{
  const GArray *ports = funnel_ingress_get_spec (ingress)->public_ports;

  for (guint i = 0; i < ports->len; i++)
    if (g_array_index (ports, guint16, i) == CHALLENGE_PORT)
      return CHALLENGE_PORT;
  return ports->len > 0 ? g_array_index (ports, guint16, 0) : CHALLENGE_PORT;
}

static gboolean
check_link (FunnelIngress *ingress, char **next_step, GError **error)
{
  const char *reason = NULL;

  if (ingress == NULL)
    {
      *next_step = g_strdup ("funnel join TOKEN");
      g_set_error_literal (error, FUNNEL_ERROR, FUNNEL_ERROR_NOT_JOINED,
                           N_ ("This node has not joined an ingress, through which a certificate "
                               "authority could reach it"));
      return FALSE;
    }
  if (funnel_ingress_get_state (ingress) == FUNNEL_INGRESS_LINKED)
    return TRUE;
  reason = funnel_ingress_get_reason (ingress);
  g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_UNREACHABLE,
               N_ ("A certificate authority cannot reach this node, since there is no link to the "
                   "ingress (%s); the certificate is ordered when it is back"),
               reason[0] != '\0' ? reason : N_ ("it is being made"));
  return FALSE;
}

static gboolean
check_grant (FunnelIngress *ingress,
             const char *name,
             guint16 port,
             char **next_step,
             GError **error)
{
  gint64 now = g_get_real_time () / G_USEC_PER_SEC;

  if (funnel_grant_check (funnel_ingress_get_grants (ingress), name, port, now)
      == FUNNEL_GRANT_VALID)
    return TRUE;
  *next_step = g_strdup_printf (N_ ("On the ingress: funnel-ingress grant %s --name %s --port %u"),
                                funnel_ingress_get_spec (ingress)->node, name, port);
  g_set_error (
      error, FUNNEL_ERROR, FUNNEL_ERROR_NOT_ALLOWED,
      N_ ("A certificate authority looks for %s on port %u, which the ingress does not grant "
          "to this node"),
      name, port);
  return FALSE;
}

static gboolean
check_share (FunnelChallengeRoutes *self,
             const char *name,
             guint16 port,
             char **next_step,
             GError **error)
{
  FunnelShare *share = funnel_share_list_find (self->list, name, port);

  if (share == NULL || funnel_share_kind_terminates (funnel_share_get_spec (share)->kind))
    return TRUE;
  *next_step = g_strdup (N_ ("Order it with the server behind that share, and give its files with "
                             "--cert-file and --key-file."));
  g_set_error (
      error, FUNNEL_ERROR, FUNNEL_ERROR_NOT_ALLOWED,
      N_ ("A certificate authority looks for %s on port %u, where TLS passes through to %s; "
          "this node never intercepts that"),
      name, port, funnel_share_spec_get_target (funnel_share_get_spec (share)));
  return FALSE;
}

static gboolean
check (gpointer owner, const char *name, char **next_step, GError **error)
{
  FunnelChallengeRoutes *self = owner;
  FunnelIngress *ingress = get_ingress (self);
  guint16 port;

  *next_step = NULL;
  if (!check_link (ingress, next_step, error))
    return FALSE;
  port = choose_port (ingress);
  return check_grant (ingress, name, port, next_step, error)
         && check_share (self, name, port, next_step, error);
}

/* --- Publishing --- */

static void
stop_waiting (Route *route)
{
  g_clear_handle_id (&route->deadline, g_source_remove);
  if (route->publishing != NULL)
    g_clear_signal_handler (&route->cancelled, g_task_get_cancellable (route->publishing));
}

/* Takes @error; NULL: it worked. */
static void
finish (Route *route, GError *error)
{
  g_autoptr (GTask) task = NULL;

  stop_waiting (route);
  task = g_steal_pointer (&route->publishing);
  if (error != NULL)
    g_task_return_error (task, error);
  else
    g_task_return_boolean (task, TRUE);
}

static void
route_free (Route *route)
{
  if (route->publishing != NULL)
    finish (route, g_error_new_literal (FUNNEL_ERROR, FUNNEL_ERROR_FAILED, N_ ("it was given up")));
  funnel_certificate_unref (route->challenge);
  g_free (route->name);
  g_free (route);
}

static gboolean
on_deadline (gpointer user_data)
{
  Route *route = user_data;

  route->deadline = 0;
  finish (route, g_error_new (FUNNEL_ERROR, FUNNEL_ERROR_UNREACHABLE,
                              N_ ("the ingress did not say within %d s that visitors of %s port %u "
                                  "come to this node"),
                              ROUTED_MS / 1000, route->name, route->port));
  return G_SOURCE_REMOVE;
}

static void
on_cancelled (GCancellable *cancellable, Route *route)
{
  /* Its own idle source: the task answers from the main loop, but the handler must not be
   * disconnected from within. */
  g_clear_handle_id (&route->deadline, g_source_remove);
  route->deadline = g_timeout_add (0, on_deadline, route);
}

static void
publish_async (gpointer owner,
               const char *name,
               FunnelCertificate *challenge,
               GCancellable *cancellable,
               GAsyncReadyCallback callback,
               gpointer user_data)
{
  FunnelChallengeRoutes *self = owner;
  g_autoptr (GTask) task = g_task_new (NULL, cancellable, callback, user_data);
  g_autofree char *next_step = NULL;
  GError *error = NULL;
  Route *route = NULL;

  g_task_set_source_tag (task, publish_async);
  if (!check (self, name, &next_step, &error))
    {
      g_task_return_error (task, error);
      return;
    }
  route = g_new0 (Route, 1);
  route->routes = self;
  route->name = g_strdup (name);
  route->id = FIRST_ID | ++self->last;
  route->epoch = g_random_int ();
  route->port = choose_port (get_ingress (self));
  route->challenge = funnel_certificate_ref (challenge);
  route->publishing = g_steal_pointer (&task);
  route->deadline = g_timeout_add (ROUTED_MS, on_deadline, route);
  if (cancellable != NULL)
    route->cancelled
        = g_signal_connect (cancellable, "cancelled", G_CALLBACK (on_cancelled), route);
  g_hash_table_replace (self->routes, route->name, route);
  self->changed (self->user_data);
}

static gboolean
publish_finish (gpointer owner, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

static void
withdraw (gpointer owner, const char *name)
{
  FunnelChallengeRoutes *self = owner;

  if (g_hash_table_remove (self->routes, name))
    self->changed (self->user_data);
}

const FunnelChallengeWay funnel_challenge_way = {
    .publish_async = publish_async,
    .publish_finish = publish_finish,
    .withdraw = withdraw,
    .check = check,
};

/* --- Life --- */

FunnelChallengeRoutes *
funnel_challenge_routes_new (FunnelShareList *list,
                             void (*changed) (gpointer user_data),
                             gpointer user_data)
{
  FunnelChallengeRoutes *self = g_new0 (FunnelChallengeRoutes, 1);

  self->list = g_object_ref (list);
  self->changed = changed;
  self->user_data = user_data;
  self->routes = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, (GDestroyNotify)route_free);
  return self;
}

void
funnel_challenge_routes_free (FunnelChallengeRoutes *self)
{
  if (self == NULL)
    return;
  g_hash_table_unref (self->routes);
  g_object_unref (self->list);
  g_free (self);
}

void
funnel_challenge_routes_set_ingress (FunnelChallengeRoutes *self, FunnelIngressRuntime *ingress)
{
  self->ingress = ingress;
  funnel_challenge_routes_look (self);
}

/* --- Serving and announcing --- */

static FunnelServeShare *
find_served (GPtrArray *served, const Route *route)
{
  for (guint i = 0; i < served->len; i++)
    {
      FunnelServeShare *share = g_ptr_array_index (served, i);

      if (share->port == route->port && g_str_equal (share->name, route->name))
        return share;
    }
  return NULL;
}

static FunnelServeShare *
make_served (const Route *route)
{
  FunnelServeShare *share = funnel_serve_share_new ();

  share->id = route->id;
  share->name = g_strdup (route->name);
  share->port = route->port;
  share->kind = FUNNEL_SERVE_TERMINATE;
  return share;
}

/* The epoch under which the name and port are announced. */
static guint32
announce (const Route *route, GPtrArray *announced)
{
  for (guint i = 0; i < announced->len; i++)
    {
      const FunnelLinkShare *share = g_ptr_array_index (announced, i);

      if (share->port == route->port && g_str_equal (share->name, route->name))
        return share->epoch;
    }
  g_ptr_array_add (announced, funnel_link_share_new (route->name, route->port, route->epoch));
  return route->epoch;
}

void
funnel_challenge_routes_add (FunnelChallengeRoutes *self, GPtrArray *served, GPtrArray *announced)
{
  GHashTableIter iter;
  gpointer value = NULL;

  if (self->ingress == NULL)
    return;
  g_hash_table_iter_init (&iter, self->routes);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    {
      Route *route = value;
      FunnelServeShare *share = find_served (served, route);

      if (share != NULL && share->kind == FUNNEL_SERVE_PASS_THROUGH)
        continue;
      if (share == NULL)
        {
          share = make_served (route);
          g_ptr_array_add (served, share);
        }
      g_clear_pointer (&share->challenge, funnel_certificate_unref);
      share->challenge = funnel_certificate_ref (route->challenge);
      route->announced_epoch = announce (route, announced);
      route->announced = TRUE;
    }
}

static void
look_at (FunnelChallengeRoutes *self, Route *route)
{
  g_autofree char *next_step = NULL;
  GError *error = NULL;

  if (!check (self, route->name, &next_step, &error))
    finish (route, error);
  else if (route->announced
           && funnel_ingress_runtime_is_routed (self->ingress, route->name, route->port,
                                                route->announced_epoch))
    finish (route, NULL);
}

void
funnel_challenge_routes_look (FunnelChallengeRoutes *self)
{
  guint count = 0;
  g_autofree gpointer *keys = g_hash_table_get_keys_as_array (self->routes, &count);
  g_auto (GStrv) names = g_new0 (char *, count + 1);

  /* An order whose route is settled goes on at once, and may give this or another route up. */
  for (guint i = 0; i < count; i++)
    names[i] = g_strdup (keys[i]);
  for (guint i = 0; i < count; i++)
    {
      Route *route = g_hash_table_lookup (self->routes, names[i]);

      if (route != NULL && route->publishing != NULL)
        look_at (self, route);
    }
}
