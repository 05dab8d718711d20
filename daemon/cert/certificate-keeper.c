/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/cert/certificate-keeper.h"

#include <glib/gi18n.h>

#include "daemon/cert/kept-name.h"
#include "lib/base/error.h"
#include "lib/base/token.h"
#include "lib/base/wall-timer.h"

enum
{
  SIGNAL_CHANGED,
  SIGNAL_STATUS,
  N_SIGNALS
};

struct _FunnelCertificateKeeper
{
  GObject parent_instance;
  FunnelKeeperShared shared;
  GHashTable *names; /* name → FunnelKeptName*, owned */
  FunnelWallTimer *timer;
  guint look_source;
};

static guint signals[N_SIGNALS];
static const FunnelKeptStatus unknown_status;

G_DEFINE_FINAL_TYPE (FunnelCertificateKeeper, funnel_certificate_keeper, G_TYPE_OBJECT)

/* --- Looking at the names ---
 * Always from the main loop, never from within a call or a signal: a look may change everything. */

static gboolean
on_look (gpointer user_data)
{
  g_autoptr (FunnelCertificateKeeper) self = g_object_ref (user_data);
  g_autoptr (GList) names = g_hash_table_get_values (self->names);
  gint64 now = g_get_real_time () / G_USEC_PER_SEC, next = G_MAXINT64;

  self->look_source = 0;
  for (GList *item = names; item != NULL && !self->shared.stopped; item = item->next)
    next = MIN (next, funnel_kept_name_look (item->data, now));
  for (GList *item = names; item != NULL && !self->shared.stopped; item = item->next)
    if (funnel_kept_name_is_idle (item->data))
      g_hash_table_remove (self->names, funnel_kept_name_get_name (item->data));
  if (!self->shared.stopped)
    funnel_wall_timer_set (self->timer, next == G_MAXINT64 ? 0 : MAX (next, now + 1));
  return G_SOURCE_REMOVE;
}

static void
schedule_look (gpointer keeper)
{
  FunnelCertificateKeeper *self = keeper;

  if (self->look_source == 0 && !self->shared.stopped)
    self->look_source = g_idle_add_full (G_PRIORITY_DEFAULT, on_look, self, NULL);
}

static void
emit_changed (gpointer keeper, const char *name)
{
  g_signal_emit (keeper, signals[SIGNAL_CHANGED], 0, name);
}

static void
emit_status (gpointer keeper, const char *name)
{
  g_signal_emit (keeper, signals[SIGNAL_STATUS], 0, name);
}

static FunnelKeptName *
find (FunnelCertificateKeeper *self, const char *name)
{
  return g_hash_table_lookup (self->names, name);
}

static FunnelKeptName *
ensure (FunnelCertificateKeeper *self, const char *name)
{
  FunnelKeptName *kept = find (self, name);

  if (kept != NULL)
    return kept;
  kept = funnel_kept_name_new (&self->shared, name);
  g_hash_table_insert (self->names, g_strdup (name), kept);
  return kept;
}

/* --- Life --- */

static void
funnel_certificate_keeper_finalize (GObject *object)
{
  FunnelCertificateKeeper *self = FUNNEL_CERTIFICATE_KEEPER (object);

  funnel_certificate_keeper_stop (self);
  g_hash_table_unref (self->names);
  g_clear_pointer (&self->timer, funnel_wall_timer_free);
  funnel_certificate_store_free (self->shared.store);
  funnel_authority_free (self->shared.authority);
  G_OBJECT_CLASS (funnel_certificate_keeper_parent_class)->finalize (object);
}

static void
funnel_certificate_keeper_class_init (FunnelCertificateKeeperClass *class)
{
  GType type = G_TYPE_FROM_CLASS (class);

  G_OBJECT_CLASS (class)->finalize = funnel_certificate_keeper_finalize;
  signals[SIGNAL_CHANGED] = g_signal_new ("changed", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                          G_TYPE_NONE, 1, G_TYPE_STRING);
  signals[SIGNAL_STATUS] = g_signal_new ("status", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                         G_TYPE_NONE, 1, G_TYPE_STRING);
}

static void
funnel_certificate_keeper_init (FunnelCertificateKeeper *self)
{
  self->names = g_hash_table_new_full (g_str_hash, g_str_equal, g_free,
                                       (GDestroyNotify)funnel_kept_name_unref);
}

FunnelCertificateKeeper *
funnel_certificate_keeper_new (const char *state_dir, const FunnelChallengeWay *way, gpointer owner)
{
  FunnelCertificateKeeper *self = g_object_new (FUNNEL_TYPE_CERTIFICATE_KEEPER, NULL);
  g_auto (GStrv) names = NULL;

  self->shared.store = funnel_certificate_store_new (state_dir);
  self->shared.authority = funnel_authority_new ();
  self->shared.way = way;
  self->shared.owner = owner;
  self->shared.keeper = self;
  self->shared.look = schedule_look;
  self->shared.changed = emit_changed;
  self->shared.status = emit_status;
  self->timer = funnel_wall_timer_new (schedule_look, self);
  funnel_certificate_store_clean (self->shared.store);
  names = funnel_certificate_store_list (self->shared.store);
  for (guint i = 0; names[i] != NULL; i++)
    ensure (self, names[i]);
  schedule_look (self);
  return self;
}

/* What is done to one name may make others come or go: an order that ends tells its waiters. */
static void
for_each (FunnelCertificateKeeper *self, void (*act) (FunnelKeptName *kept))
{
  g_auto (GStrv) names = funnel_certificate_keeper_list (self);

  for (guint i = 0; names[i] != NULL; i++)
    {
      FunnelKeptName *kept = find (self, names[i]);

      if (kept != NULL)
        act (kept);
    }
}

void
funnel_certificate_keeper_stop (FunnelCertificateKeeper *self)
{
  if (self->shared.stopped)
    return;
  self->shared.stopped = TRUE;
  g_clear_handle_id (&self->look_source, g_source_remove);
  funnel_wall_timer_set (self->timer, 0);
  for_each (self, funnel_kept_name_stop);
}

gboolean
funnel_certificate_keeper_check_store (FunnelCertificateKeeper *self, GError **error)
{
  return funnel_certificate_store_check (self->shared.store, error);
}

/* --- Wishes --- */

void
funnel_certificate_keeper_want (FunnelCertificateKeeper *self, const char *name)
{
  funnel_kept_name_want (ensure (self, name), 1);
  schedule_look (self);
}

void
funnel_certificate_keeper_unwant (FunnelCertificateKeeper *self, const char *name)
{
  FunnelKeptName *kept = find (self, name);

  g_return_if_fail (kept != NULL);
  funnel_kept_name_want (kept, -1);
  schedule_look (self);
}

void
funnel_certificate_keeper_nudge (FunnelCertificateKeeper *self)
{
  for_each (self, funnel_kept_name_nudge);
  schedule_look (self);
}

FunnelCertificate *
funnel_certificate_keeper_get (FunnelCertificateKeeper *self, const char *name)
{
  FunnelKeptName *kept = find (self, name);

  return kept != NULL ? funnel_kept_name_get (kept) : NULL;
}

const FunnelKeptStatus *
funnel_certificate_keeper_get_status (FunnelCertificateKeeper *self, const char *name)
{
  FunnelKeptName *kept = find (self, name);

  return kept != NULL ? funnel_kept_name_get_status (kept) : &unknown_status;
}

static int
compare_names (gconstpointer a, gconstpointer b)
{
  return g_strcmp0 (*(const char *const *)a, *(const char *const *)b);
}

GStrv
funnel_certificate_keeper_list (FunnelCertificateKeeper *self)
{
  g_autoptr (GPtrArray) list = g_ptr_array_new ();
  GHashTableIter iter;
  gpointer name = NULL;

  g_hash_table_iter_init (&iter, self->names);
  while (g_hash_table_iter_next (&iter, &name, NULL))
    g_ptr_array_add (list, g_strdup (name));
  g_ptr_array_sort (list, compare_names);
  g_ptr_array_add (list, NULL);
  return (GStrv)g_ptr_array_free (g_steal_pointer (&list), FALSE);
}

GStrv
funnel_certificate_keeper_list_serials (FunnelCertificateKeeper *self, const char *name)
{
  return funnel_certificate_store_get_history (self->shared.store, name);
}

void
funnel_certificate_keeper_obtain_async (FunnelCertificateKeeper *self,
                                        const char *name,
                                        gint64 min_validity,
                                        GCancellable *cancellable,
                                        GAsyncReadyCallback callback,
                                        gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (self, cancellable, callback, user_data);

  g_task_set_source_tag (task, funnel_certificate_keeper_obtain_async);
  if (self->shared.stopped)
    {
      g_task_return_new_error (task, FUNNEL_ERROR, FUNNEL_ERROR_FAILED,
                               N_ ("the daemon is ending"));
      return;
    }
  funnel_kept_name_wait (ensure (self, name), g_steal_pointer (&task), min_validity);
  schedule_look (self);
}

FunnelCertificate *
funnel_certificate_keeper_obtain_finish (FunnelCertificateKeeper *self,
                                         GAsyncResult *result,
                                         GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

/* --- Revoking: one after the other; there are few --- */

typedef struct
{
  GStrv names;
  guint next;
  guint count;
  GString *problems;
} Revocation;

static void
revocation_free (Revocation *revocation)
{
  g_strfreev (revocation->names);
  g_string_free (revocation->problems, TRUE);
  g_free (revocation);
}

static void revoke_next (GTask *task);

static void
note_problem (Revocation *revocation, const char *name, const char *problem)
{
  g_string_append_printf (revocation->problems, "%s%s: %s",
                          revocation->problems->len > 0 ? "\n" : "", name, problem);
}

static void
revoke_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  FunnelCertificateKeeper *self = g_task_get_source_object (task);
  Revocation *revocation = g_task_get_task_data (task);
  const char *name = revocation->names[revocation->next - 1];
  FunnelKeptName *kept = find (self, name);
  g_autoptr (GError) error = NULL;

  if (!funnel_acme_client_revoke_finish (FUNNEL_ACME_CLIENT (source), result, &error)
      || !funnel_certificate_store_remove (self->shared.store, name, &error))
    note_problem (revocation, name, error->message);
  else
    {
      revocation->count++;
      g_message ("Revoked the certificate of %s", name);
      if (kept != NULL)
        funnel_kept_name_forget (kept);
    }
  revoke_next (task);
}

static void
finish_revocation (GTask *task)
{
  FunnelCertificateKeeper *self = g_task_get_source_object (task);
  Revocation *revocation = g_task_get_task_data (task);

  schedule_look (self);
  if (revocation->problems->len == 0)
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_new_error (task, FUNNEL_ERROR, FUNNEL_ERROR_FAILED, "%s\n%s",
                             N_ ("not every certificate could be revoked:"),
                             revocation->problems->str);
}

/* Whether revoking @name was begun. */
static gboolean
revoke_one (GTask *task, const char *name)
{
  FunnelCertificateKeeper *self = g_task_get_source_object (task);
  FunnelKeptName *kept = find (self, name);
  FunnelCertificate *certificate = kept != NULL ? funnel_kept_name_get (kept) : NULL;
  const char *ca = certificate != NULL ? funnel_kept_name_get_record (kept)->ca : NULL;
  const FunnelDirectory *known = funnel_authority_find (self->shared.authority, ca);
  FunnelDirectory bare = {.url = (char *)ca};
  g_autoptr (FunnelAcmeClient) client = NULL;
  g_autoptr (GError) error = NULL;

  if (certificate == NULL)
    return FALSE;
  client = ca != NULL
               ? funnel_keeper_make_client (&self->shared, known != NULL ? known : &bare, &error)
               : NULL;
  if (client == NULL)
    {
      note_problem (g_task_get_task_data (task), name,
                    error != NULL ? error->message : N_ ("its authority is not known"));
      return FALSE;
    }
  funnel_acme_client_revoke_async (client, funnel_certificate_get_chain_pem (certificate),
                                   FUNNEL_ACME_REASON_CESSATION, g_task_get_cancellable (task),
                                   revoke_cb, g_object_ref (task));
  return TRUE;
}

static void
revoke_next (GTask *task)
{
  Revocation *revocation = g_task_get_task_data (task);

  if (g_task_return_error_if_cancelled (task))
    return;
  while (revocation->names[revocation->next] != NULL)
    if (revoke_one (task, revocation->names[revocation->next++]))
      return;
  finish_revocation (task);
}

void
funnel_certificate_keeper_revoke_async (FunnelCertificateKeeper *self,
                                        GCancellable *cancellable,
                                        GAsyncReadyCallback callback,
                                        gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (self, cancellable, callback, user_data);
  Revocation *revocation = g_new0 (Revocation, 1);

  g_task_set_source_tag (task, funnel_certificate_keeper_revoke_async);
  revocation->names = funnel_certificate_keeper_list (self);
  revocation->problems = g_string_new (NULL);
  g_task_set_task_data (task, revocation, (GDestroyNotify)revocation_free);
  revoke_next (task);
}

gboolean
funnel_certificate_keeper_revoke_finish (FunnelCertificateKeeper *self,
                                         GAsyncResult *result,
                                         guint *count,
                                         GError **error)
{
  Revocation *revocation = g_task_get_task_data (G_TASK (result));

  *count = revocation->count;
  return g_task_propagate_boolean (G_TASK (result), error);
}

/* --- Authorities --- */

FunnelAcmeClient *
funnel_keeper_make_client (FunnelKeeperShared *shared,
                           const FunnelDirectory *directory,
                           GError **error)
{
  FunnelAcmeSettings settings = {.directory = directory->url,
                                 .ca_file = directory->ca_file,
                                 .contact = shared->authority->contact,
                                 .eab_kid = directory->eab_kid,
                                 .eab_key = directory->eab_key,
                                 .profile = directory->profile};
  FunnelAcmeClient *client = NULL;
  char *key = NULL;

  if (!funnel_certificate_store_read_account (shared->store, directory->url, &key, error))
    return NULL;
  if (key == NULL)
    {
      key = funnel_acme_account_key_new (error);
      if (key == NULL
          || !funnel_certificate_store_write_account (shared->store, directory->url, key, error))
        {
          funnel_secret_free (key);
          return NULL;
        }
    }
  settings.account_key = key;
  client = funnel_acme_client_new (&settings, error);
  funnel_secret_free (key);
  return client;
}

const FunnelAuthority *
funnel_certificate_keeper_get_authority (FunnelCertificateKeeper *self)
{
  return self->shared.authority;
}

void
funnel_certificate_keeper_set_authority (FunnelCertificateKeeper *self,
                                         const FunnelAuthority *authority)
{
  if (funnel_authority_equal (self->shared.authority, authority))
    return;
  funnel_authority_free (self->shared.authority);
  self->shared.authority = funnel_authority_copy (authority);
  for_each (self, funnel_kept_name_retry);
  schedule_look (self);
}

gboolean
funnel_certificate_keeper_take_notice (FunnelCertificateKeeper *self, const char *name)
{
  return funnel_certificate_store_take_notice (self->shared.store, name);
}
