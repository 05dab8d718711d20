/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/client/client.h"

#include <glib/gi18n.h>

#include "lib/base/error.h"
#include "lib/base/names.h"
#include "lib/client/share-model.h"

/* A join is bounded by the daemon's own deadlines; this is what remains if the daemon hangs. */
#define CALL_TIMEOUT_MS (90 * 1000)
#define START_TIMEOUT_S 30

struct _FunnelClient
{
  GObject parent_instance;
  GDBusConnection *connection;
  GDBusObjectManager *objects;
  FunnelDBusManager *manager;
  guint changed_source; /* pending emission of "changed", 0 none */
  gboolean was_running;
};

enum
{
  PROP_0,
  PROP_RUNNING,
  N_PROPS
};

enum
{
  SIGNAL_CHANGED,
  SIGNAL_CLOSED,
  N_SIGNALS
};

static GParamSpec *props[N_PROPS];
static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE (FunnelClient, funnel_client, G_TYPE_OBJECT)

/* --- Errors --- */

typedef struct
{
  int dbus_code;
  FunnelError code;
  const char *message; /* NULL: keep the message of the bus */
} ErrorRow;

static const ErrorRow error_rows[] = {
    {G_DBUS_ERROR_SERVICE_UNKNOWN, FUNNEL_ERROR_UNREACHABLE,
     N_ ("the daemon (funneld) is not running")},
    {G_DBUS_ERROR_NAME_HAS_NO_OWNER, FUNNEL_ERROR_UNREACHABLE,
     N_ ("the daemon (funneld) is not running")},
    {G_DBUS_ERROR_NO_REPLY, FUNNEL_ERROR_UNREACHABLE,
     N_ ("the daemon (funneld) went away or did not answer")},
    {G_DBUS_ERROR_TIMEOUT, FUNNEL_ERROR_UNREACHABLE,
     N_ ("the daemon (funneld) did not answer in time")},
    {G_DBUS_ERROR_TIMED_OUT, FUNNEL_ERROR_UNREACHABLE,
     N_ ("the daemon (funneld) did not answer in time")},
    {G_DBUS_ERROR_DISCONNECTED, FUNNEL_ERROR_UNREACHABLE, N_ ("the message bus is gone")},
    {G_DBUS_ERROR_ACCESS_DENIED, FUNNEL_ERROR_NOT_ALLOWED, NULL},
    {G_DBUS_ERROR_AUTH_FAILED, FUNNEL_ERROR_NOT_ALLOWED, NULL},
    {G_DBUS_ERROR_INVALID_ARGS, FUNNEL_ERROR_INVALID_ARGUMENT, NULL},
    {G_DBUS_ERROR_UNKNOWN_METHOD, FUNNEL_ERROR_UNSUPPORTED,
     N_ ("the running funneld is of another version; restart it")},
    {G_DBUS_ERROR_UNKNOWN_INTERFACE, FUNNEL_ERROR_UNSUPPORTED,
     N_ ("the running funneld is of another version; restart it")},
    {G_DBUS_ERROR_UNKNOWN_OBJECT, FUNNEL_ERROR_NOT_FOUND, N_ ("it is gone already")},
};

static const ErrorRow *
find_error_row (const GError *error)
{
  if (error->domain != G_DBUS_ERROR)
    return NULL;
  for (gsize i = 0; i < G_N_ELEMENTS (error_rows); i++)
    if (error_rows[i].dbus_code == error->code)
      return &error_rows[i];
  return NULL;
}

GError *
funnel_client_map_error (GError *error)
{
  const ErrorRow *row;
  FunnelError code = FUNNEL_ERROR_FAILED;
  GError *mapped;

  g_dbus_error_strip_remote_error (error);
  if (error->domain == FUNNEL_ERROR || g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return error;

  row = find_error_row (error);
  if (row)
    code = row->code;
  else if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT)
           || g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CLOSED))
    code = FUNNEL_ERROR_UNREACHABLE;

  mapped = g_error_new_literal (FUNNEL_ERROR, code,
                                row && row->message ? row->message : error->message);
  g_error_free (error);
  return mapped;
}

/* --- The live picture --- */

static gboolean
emit_changed_cb (gpointer data)
{
  FunnelClient *self = data;
  gboolean running = funnel_client_get_running (self);

  self->changed_source = 0;
  g_object_ref (self);
  if (running != self->was_running)
    {
      self->was_running = running;
      g_object_notify_by_pspec (G_OBJECT (self), props[PROP_RUNNING]);
    }
  g_signal_emit (self, signals[SIGNAL_CHANGED], 0);
  g_object_unref (self);
  return G_SOURCE_REMOVE;
}

static void
queue_changed (FunnelClient *self)
{
  if (self->changed_source)
    return;
  self->changed_source = g_idle_add_full (G_PRIORITY_DEFAULT, emit_changed_cb, self, NULL);
}

static void
on_connection_closed (FunnelClient *self, gboolean remote_peer_vanished, GError *error)
{
  g_signal_emit (self, signals[SIGNAL_CLOSED], 0,
                 error ? error->message : N_ ("the message bus is gone"));
}

static void
watch (FunnelClient *self)
{
  static const char *const object_signals[] = {
      "object-added",
      "object-removed",
      "interface-added",
      "interface-removed",
      "interface-proxy-properties-changed",
      "notify::name-owner",
  };

  for (gsize i = 0; i < G_N_ELEMENTS (object_signals); i++)
    g_signal_connect_object (self->objects, object_signals[i], G_CALLBACK (queue_changed), self,
                             G_CONNECT_SWAPPED);
  g_signal_connect_object (self->manager, "notify::g-name-owner", G_CALLBACK (queue_changed), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (self->manager, "g-properties-changed", G_CALLBACK (queue_changed), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (self->connection, "closed", G_CALLBACK (on_connection_closed), self,
                           G_CONNECT_SWAPPED);
  self->was_running = funnel_client_get_running (self);
}

gboolean
funnel_client_get_running (FunnelClient *self)
{
  g_autofree char *objects_owner = NULL;
  g_autofree char *manager_owner = NULL;

  g_return_val_if_fail (FUNNEL_IS_CLIENT (self), FALSE);
  if (g_dbus_connection_is_closed (self->connection))
    return FALSE;
  /* Each proxy learns of a new owner on its own, and names it only once it has loaded everything.
   */
  objects_owner
      = g_dbus_object_manager_client_get_name_owner (G_DBUS_OBJECT_MANAGER_CLIENT (self->objects));
  manager_owner = g_dbus_proxy_get_name_owner (G_DBUS_PROXY (self->manager));
  return objects_owner && g_strcmp0 (objects_owner, manager_owner) == 0;
}

char *
funnel_client_dup_version (FunnelClient *self)
{
  g_return_val_if_fail (FUNNEL_IS_CLIENT (self), NULL);
  return funnel_dbus_manager_dup_version (self->manager);
}

FunnelDBusManager *
funnel_client_get_manager (FunnelClient *self)
{
  g_return_val_if_fail (FUNNEL_IS_CLIENT (self), NULL);
  return self->manager;
}

GDBusObjectManager *
funnel_client_get_objects (FunnelClient *self)
{
  g_return_val_if_fail (FUNNEL_IS_CLIENT (self), NULL);
  return self->objects;
}

char *
funnel_client_dup_etag (FunnelClient *self)
{
  g_return_val_if_fail (FUNNEL_IS_CLIENT (self), NULL);
  return funnel_dbus_manager_dup_etag (self->manager);
}

static int
compare_shares (gconstpointer a, gconstpointer b)
{
  return funnel_share_model_compare (*(FunnelDBusShare *const *)a, *(FunnelDBusShare *const *)b);
}

static int
compare_ingresses (gconstpointer a, gconstpointer b)
{
  return g_strcmp0 (funnel_dbus_ingress_get_endpoint (*(FunnelDBusIngress *const *)a),
                    funnel_dbus_ingress_get_endpoint (*(FunnelDBusIngress *const *)b));
}

static GPtrArray *
list_interfaces (FunnelClient *self, const char *interface_name, GCompareFunc compare)
{
  GPtrArray *found = g_ptr_array_new_with_free_func (g_object_unref);
  GList *objects = g_dbus_object_manager_get_objects (self->objects);

  for (GList *l = objects; l; l = l->next)
    {
      GDBusInterface *interface = g_dbus_object_get_interface (l->data, interface_name);
      if (interface)
        g_ptr_array_add (found, interface);
    }
  g_list_free_full (objects, g_object_unref);
  g_ptr_array_sort (found, compare);
  return found;
}

GPtrArray *
funnel_client_list_shares (FunnelClient *self)
{
  g_return_val_if_fail (FUNNEL_IS_CLIENT (self), NULL);
  return list_interfaces (self, funnel_dbus_share_interface_info ()->name, compare_shares);
}

GPtrArray *
funnel_client_list_ingresses (FunnelClient *self)
{
  g_return_val_if_fail (FUNNEL_IS_CLIENT (self), NULL);
  return list_interfaces (self, funnel_dbus_ingress_interface_info ()->name, compare_ingresses);
}

FunnelDBusShare *
funnel_client_ref_share (FunnelClient *self, const char *path)
{
  g_return_val_if_fail (FUNNEL_IS_CLIENT (self), NULL);
  return (FunnelDBusShare *)g_dbus_object_manager_get_interface (
      self->objects, path, funnel_dbus_share_interface_info ()->name);
}

FunnelDBusIngress *
funnel_client_ref_ingress (FunnelClient *self, const char *path)
{
  g_return_val_if_fail (FUNNEL_IS_CLIENT (self), NULL);
  return (FunnelDBusIngress *)g_dbus_object_manager_get_interface (
      self->objects, path, funnel_dbus_ingress_interface_info ()->name);
}

FunnelDBusCertificates *
funnel_client_ref_certificates (FunnelClient *self)
{
  g_return_val_if_fail (FUNNEL_IS_CLIENT (self), NULL);
  return (FunnelDBusCertificates *)g_dbus_object_manager_get_interface (
      self->objects, FUNNEL_OBJECT_MANAGER, funnel_dbus_certificates_interface_info ()->name);
}

/* --- Construction: bus, then object manager, then the manager's proxy --- */

static void
fail_new (GTask *task, GError *error)
{
  g_task_return_error (task, funnel_client_map_error (error));
  g_object_unref (task);
}

static void
manager_proxy_new_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GTask *task = data;
  FunnelClient *self = g_task_get_task_data (task);
  GError *error = NULL;

  self->manager = funnel_dbus_manager_proxy_new_finish (result, &error);
  if (!self->manager)
    {
      fail_new (task, error);
      return;
    }
  g_dbus_proxy_set_default_timeout (G_DBUS_PROXY (self->manager), CALL_TIMEOUT_MS);
  watch (self);
  g_task_return_pointer (task, g_object_ref (self), g_object_unref);
  g_object_unref (task);
}

static void
object_manager_new_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GTask *task = data;
  FunnelClient *self = g_task_get_task_data (task);
  GError *error = NULL;

  self->objects = funnel_dbus_object_manager_client_new_finish (result, &error);
  if (!self->objects)
    {
      fail_new (task, error);
      return;
    }
  funnel_dbus_manager_proxy_new (self->connection, G_DBUS_PROXY_FLAGS_DO_NOT_AUTO_START,
                                 FUNNEL_BUS_NAME, FUNNEL_OBJECT_MANAGER,
                                 g_task_get_cancellable (task), manager_proxy_new_cb, task);
}

static void
bus_get_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GTask *task = data;
  FunnelClient *self = g_task_get_task_data (task);
  GError *error = NULL;

  self->connection = g_bus_get_finish (result, &error);
  if (!self->connection)
    {
      if (!g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        {
          GError *unreachable
              = g_error_new_literal (FUNNEL_ERROR, FUNNEL_ERROR_UNREACHABLE, error->message);
          g_error_free (error);
          error = unreachable;
        }
      fail_new (task, error);
      return;
    }
  /* Who uses the client decides what the end of the bus means; GIO would kill the process. */
  g_dbus_connection_set_exit_on_close (self->connection, FALSE);
  funnel_dbus_object_manager_client_new (
      self->connection, G_DBUS_OBJECT_MANAGER_CLIENT_FLAGS_DO_NOT_AUTO_START, FUNNEL_BUS_NAME,
      FUNNEL_OBJECT_ROOT, g_task_get_cancellable (task), object_manager_new_cb, task);
}

void
funnel_client_new_async (GBusType bus,
                         GCancellable *cancellable,
                         GAsyncReadyCallback callback,
                         gpointer user_data)
{
  GTask *task = g_task_new (NULL, cancellable, callback, user_data);

  g_task_set_source_tag (task, funnel_client_new_async);
  g_task_set_task_data (task, g_object_new (FUNNEL_TYPE_CLIENT, NULL), g_object_unref);
  (void)FUNNEL_ERROR; /* registers the names of remote errors before any can arrive */
  g_bus_get (bus, cancellable, bus_get_cb, task);
}

FunnelClient *
funnel_client_new_finish (GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_async_result_is_tagged (result, funnel_client_new_async), NULL);
  return g_task_propagate_pointer (G_TASK (result), error);
}

/* --- Starting the daemon --- */

/* Ends when the daemon runs, when it cannot be started, at the deadline or when cancelled,
 * whichever is first. */
typedef struct
{
  gulong changed_handler; /* 0: the task has been answered */
  guint deadline_source;
  GSource *cancelled_source;
} Start;

/* Takes @error and the task's own reference. */
static void
finish_start (GTask *task, GError *error)
{
  Start *start = g_task_get_task_data (task);

  if (!start->changed_handler)
    {
      g_clear_error (&error);
      return;
    }
  g_clear_signal_handler (&start->changed_handler, g_task_get_source_object (task));
  g_clear_handle_id (&start->deadline_source, g_source_remove);
  if (start->cancelled_source)
    g_source_destroy (start->cancelled_source);
  g_clear_pointer (&start->cancelled_source, g_source_unref);
  if (error)
    g_task_return_error (task, error);
  else
    g_task_return_boolean (task, TRUE);
  g_object_unref (task);
}

static void
on_client_changed_while_starting (GTask *task)
{
  if (funnel_client_get_running (g_task_get_source_object (task)))
    finish_start (task, NULL);
}

static gboolean
start_deadline_cb (gpointer data)
{
  GTask *task = data;
  Start *start = g_task_get_task_data (task);

  start->deadline_source = 0;
  finish_start (
      task, g_error_new_literal (FUNNEL_ERROR, FUNNEL_ERROR_UNREACHABLE,
                                 N_ ("the daemon (funneld) did not appear on the bus in time")));
  return G_SOURCE_REMOVE;
}

static gboolean
start_cancelled_cb (GCancellable *cancellable, gpointer data)
{
  finish_start (data, g_error_new_literal (G_IO_ERROR, G_IO_ERROR_CANCELLED, "interrupted"));
  return G_SOURCE_REMOVE;
}

static void
start_service_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GTask) task = data;
  GError *error = NULL;
  g_autoptr (GVariant) reply
      = g_dbus_connection_call_finish (G_DBUS_CONNECTION (source), result, &error);

  if (!error)
    return;
  error = funnel_client_map_error (error);
  /* Whatever kept the bus from starting it (no service file, a failed unit, a crash), the daemon is
   * away. */
  if (error->domain == FUNNEL_ERROR)
    error->code = FUNNEL_ERROR_UNREACHABLE;
  finish_start (task, error);
}

static void
watch_start (GTask *task, Start *start)
{
  GCancellable *cancellable = g_task_get_cancellable (task);

  start->changed_handler
      = g_signal_connect_swapped (g_task_get_source_object (task), "changed",
                                  G_CALLBACK (on_client_changed_while_starting), task);
  start->deadline_source = g_timeout_add_seconds (START_TIMEOUT_S, start_deadline_cb, task);
  if (!cancellable)
    return;
  start->cancelled_source = g_cancellable_source_new (cancellable);
  g_source_set_callback (start->cancelled_source, G_SOURCE_FUNC (start_cancelled_cb), task, NULL);
  g_source_attach (start->cancelled_source, g_main_context_get_thread_default ());
}

void
funnel_client_start_async (FunnelClient *self,
                           GCancellable *cancellable,
                           GAsyncReadyCallback callback,
                           gpointer user_data)
{
  GTask *task;
  Start *start;

  g_return_if_fail (FUNNEL_IS_CLIENT (self));
  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, funnel_client_start_async);
  if (funnel_client_get_running (self))
    {
      g_task_return_boolean (task, TRUE);
      g_object_unref (task);
      return;
    }
  start = g_new0 (Start, 1);
  g_task_set_task_data (task, start, g_free);
  watch_start (task, start);
  g_dbus_connection_call (self->connection, "org.freedesktop.DBus", "/org/freedesktop/DBus",
                          "org.freedesktop.DBus", "StartServiceByName",
                          g_variant_new ("(su)", FUNNEL_BUS_NAME, 0), G_VARIANT_TYPE ("(u)"),
                          G_DBUS_CALL_FLAGS_NONE, START_TIMEOUT_S * 1000, cancellable,
                          start_service_cb, g_object_ref (task));
}

gboolean
funnel_client_start_finish (FunnelClient *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_async_result_is_tagged (result, funnel_client_start_async), FALSE);
  return g_task_propagate_boolean (G_TASK (result), error);
}

/* --- Object --- */

static void
funnel_client_get_property (GObject *object, guint prop_id, GValue *value, GParamSpec *pspec)
{
  FunnelClient *self = FUNNEL_CLIENT (object);

  switch (prop_id)
    {
    case PROP_RUNNING:
      g_value_set_boolean (value, funnel_client_get_running (self));
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
funnel_client_dispose (GObject *object)
{
  FunnelClient *self = FUNNEL_CLIENT (object);

  g_clear_handle_id (&self->changed_source, g_source_remove);
  g_clear_object (&self->manager);
  g_clear_object (&self->objects);
  g_clear_object (&self->connection);
  G_OBJECT_CLASS (funnel_client_parent_class)->dispose (object);
}

static void
funnel_client_class_init (FunnelClientClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->get_property = funnel_client_get_property;
  object_class->dispose = funnel_client_dispose;

  props[PROP_RUNNING] = g_param_spec_boolean ("running", NULL, NULL, FALSE,
                                              G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  g_object_class_install_properties (object_class, N_PROPS, props);

  signals[SIGNAL_CHANGED] = g_signal_new ("changed", FUNNEL_TYPE_CLIENT, G_SIGNAL_RUN_LAST, 0, NULL,
                                          NULL, NULL, G_TYPE_NONE, 0);
  signals[SIGNAL_CLOSED] = g_signal_new ("closed", FUNNEL_TYPE_CLIENT, G_SIGNAL_RUN_LAST, 0, NULL,
                                         NULL, NULL, G_TYPE_NONE, 1, G_TYPE_STRING);
}

static void
funnel_client_init (FunnelClient *self)
{
}
