/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/tunnel/agent-client.h"

#include "lib/base/error.h"
#include "lib/base/names.h"
#include "lib/base/program.h"

#include <errno.h>
#include <glib-unix.h>
#include <glib/gi18n.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define MESSAGE_MAX 65536
#define FDS_MAX 64
#define CALL_DEADLINE_S 30
#define START_DEADLINE_MS 30000

typedef struct
{
  GByteArray *text;
  GUnixFDList *fds;
} Datagram;

/* A request whose answer has not come. Cancelled and late ones keep their place in the order. */
typedef struct
{
  GTask *task; /* NULL once it was returned */
  GSource *deadline;
  GSource *cancel_source;
} Pending;

typedef struct
{
  GHashTable *fields;
  GUnixFDList *fds;
} Answer;

struct _FunnelAgentClient
{
  GObject parent_instance;
  int fd; /* -1 = closed */
  GMainContext *context;
  GSource *readable;
  GSource *writable;
  GQueue outgoing; /* Datagram* */
  GQueue pending;  /* Pending* */
  GQueue events;   /* GHashTable*, arrived during a blocking call */
  GSource *events_source;
  gboolean closed_emitted;
  GSubprocess *process;
};

enum
{
  SIGNAL_EVENT,
  SIGNAL_CLOSED,
  N_SIGNALS
};
static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE (FunnelAgentClient, funnel_agent_client, G_TYPE_OBJECT)

static void
datagram_free (Datagram *datagram)
{
  explicit_bzero (datagram->text->data, datagram->text->len);
  g_byte_array_unref (datagram->text);
  g_clear_object (&datagram->fds);
  g_free (datagram);
}

static void
answer_free (Answer *answer)
{
  g_clear_pointer (&answer->fields, g_hash_table_unref);
  g_clear_object (&answer->fds);
  g_free (answer);
}

static void
destroy_source (GSource **source)
{
  if (*source)
    g_source_destroy (*source);
  g_clear_pointer (source, g_source_unref);
}

static void
pending_disarm (Pending *pending)
{
  destroy_source (&pending->deadline);
  destroy_source (&pending->cancel_source);
}

static void
pending_fail (Pending *pending, GError *error)
{
  GTask *task = g_steal_pointer (&pending->task);

  pending_disarm (pending);
  if (!task)
    {
      g_error_free (error);
      return;
    }
  g_task_return_error (task, error);
  g_object_unref (task);
}

static void
pending_free (Pending *pending)
{
  pending_disarm (pending);
  g_clear_object (&pending->task);
  g_free (pending);
}

/* ---- the end ---- */

static gboolean
emit_closed_cb (gpointer user_data)
{
  FunnelAgentClient *self = user_data;

  if (!self->closed_emitted)
    {
      self->closed_emitted = TRUE;
      g_signal_emit (self, signals[SIGNAL_CLOSED], 0);
    }
  return G_SOURCE_REMOVE;
}

static void
attach (FunnelAgentClient *self,
        GSource *source,
        GSourceFunc function,
        gpointer data,
        GDestroyNotify destroy)
{
  g_source_set_callback (source, function, data, destroy);
  g_source_attach (source, self->context);
}

static void
close_connection (FunnelAgentClient *self, gboolean tell)
{
  Pending *pending;

  if (self->fd < 0)
    return;
  destroy_source (&self->readable);
  destroy_source (&self->writable);
  close (self->fd);
  self->fd = -1;
  g_queue_clear_full (&self->outgoing, (GDestroyNotify)datagram_free);
  while ((pending = g_queue_pop_head (&self->pending)))
    {
      pending_fail (pending, g_error_new (FUNNEL_ERROR, FUNNEL_ERROR_UNREACHABLE,
                                          N_ ("The tunnel's agent is gone")));
      pending_free (pending);
    }
  if (tell)
    {
      g_autoptr (GSource) idle = g_idle_source_new ();

      attach (self, idle, emit_closed_cb, g_object_ref (self), g_object_unref);
    }
}

/* ---- receiving ---- */

static GHashTable *
parse_fields (char **lines)
{
  GHashTable *fields = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);

  for (; *lines; lines++)
    {
      char *equals = strchr (*lines, '=');

      if (equals)
        g_hash_table_insert (fields, g_strndup (*lines, equals - *lines), g_strdup (equals + 1));
    }
  return fields;
}

static gboolean
emit_events_cb (gpointer user_data)
{
  FunnelAgentClient *self = user_data;
  GHashTable *fields;

  g_clear_pointer (&self->events_source, g_source_unref);
  while ((fields = g_queue_pop_head (&self->events)))
    {
      const char *name = g_hash_table_lookup (fields, "name");

      if (name)
        g_signal_emit (self, signals[SIGNAL_EVENT], 0, name, fields);
      g_hash_table_unref (fields);
    }
  return G_SOURCE_REMOVE;
}

/* Events are emitted from the main loop, never from inside a caller's blocking call. */
static void
take_event (FunnelAgentClient *self, GHashTable *fields)
{
  g_queue_push_tail (&self->events, fields);
  if (self->events_source)
    return;
  self->events_source = g_idle_source_new ();
  g_source_set_priority (self->events_source, G_PRIORITY_DEFAULT);
  attach (self, self->events_source, emit_events_cb, g_object_ref (self), g_object_unref);
}

static GError *
error_from_fields (GHashTable *fields)
{
  const char *code = g_hash_table_lookup (fields, "code");
  const char *message = g_hash_table_lookup (fields, "message");

  return g_error_new_literal (
      FUNNEL_ERROR, code ? (int)funnel_error_code_from_text (code) : FUNNEL_ERROR_FAILED,
      message ? message : N_ ("The tunnel's agent refused without a reason"));
}

static void
take_answer (FunnelAgentClient *self, gboolean good, GHashTable *fields, GUnixFDList *fds)
{
  Pending *pending = g_queue_pop_head (&self->pending);
  GTask *task;

  if (!pending || !pending->task)
    {
      g_hash_table_unref (fields);
      g_clear_object (&fds);
      g_clear_pointer (&pending, pending_free);
      return;
    }
  pending_disarm (pending);
  task = g_steal_pointer (&pending->task);
  pending_free (pending);
  if (good)
    {
      Answer *answer = g_new0 (Answer, 1);

      answer->fields = fields;
      answer->fds = fds;
      g_task_return_pointer (task, answer, (GDestroyNotify)answer_free);
    }
  else
    {
      g_task_return_error (task, error_from_fields (fields));
      g_hash_table_unref (fields);
      g_clear_object (&fds);
    }
  g_object_unref (task);
}

static GUnixFDList *
take_descriptors (struct msghdr *header)
{
  GUnixFDList *list = g_unix_fd_list_new ();

  for (struct cmsghdr *c = CMSG_FIRSTHDR (header); c; c = CMSG_NXTHDR (header, c))
    {
      gsize n = (c->cmsg_len - CMSG_LEN (0)) / sizeof (int);

      if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
        continue;
      for (gsize i = 0; i < n; i++)
        {
          int fd;

          memcpy (&fd, CMSG_DATA (c) + i * sizeof fd, sizeof fd);
          g_unix_fd_list_append (list, fd, NULL);
          close (fd);
        }
    }
  return list;
}

/* Reads one datagram. FALSE when nothing is there (or the connection was closed by this). */
static gboolean
receive_one (FunnelAgentClient *self)
{
  static char buffer[MESSAGE_MAX + 1];
  struct iovec vector = {buffer, MESSAGE_MAX};
  char control[CMSG_SPACE (sizeof (int) * FDS_MAX)];
  struct msghdr header = {.msg_iov = &vector,
                          .msg_iovlen = 1,
                          .msg_control = control,
                          .msg_controllen = sizeof control};
  g_auto (GStrv) lines = NULL;
  GUnixFDList *fds;
  gssize n;

  if (self->fd < 0)
    return FALSE;
  n = recvmsg (self->fd, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (n < 0 && (errno == EAGAIN || errno == EINTR))
    return FALSE;
  if (n <= 0)
    {
      close_connection (self, TRUE);
      return FALSE;
    }
  buffer[n] = '\0';
  fds = take_descriptors (&header);
  lines = g_strsplit (buffer, "\n", -1);
  if (g_str_equal (lines[0], "event"))
    {
      take_event (self, parse_fields (lines + 1));
      g_object_unref (fds);
    }
  else
    take_answer (self, g_str_equal (lines[0], "ok"), parse_fields (lines + 1), fds);
  return TRUE;
}

static gboolean
on_readable (int fd, GIOCondition condition, gpointer user_data)
{
  g_autoptr (FunnelAgentClient) self = g_object_ref (user_data);

  receive_one (self);
  return self->fd >= 0 ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

/* ---- sending ---- */

static gboolean
send_one (FunnelAgentClient *self, Datagram *datagram)
{
  struct iovec vector = {datagram->text->data, datagram->text->len};
  char control[CMSG_SPACE (sizeof (int) * FDS_MAX)] = {0};
  struct msghdr header = {.msg_iov = &vector, .msg_iovlen = 1};
  int n_fds = 0;
  const int *fds = datagram->fds ? g_unix_fd_list_peek_fds (datagram->fds, &n_fds) : NULL;

  if (n_fds > 0)
    {
      struct cmsghdr *c;

      header.msg_control = control;
      header.msg_controllen = CMSG_SPACE (sizeof (int) * n_fds);
      c = CMSG_FIRSTHDR (&header);
      c->cmsg_level = SOL_SOCKET;
      c->cmsg_type = SCM_RIGHTS;
      c->cmsg_len = CMSG_LEN (sizeof (int) * n_fds);
      memcpy (CMSG_DATA (c), fds, sizeof (int) * n_fds);
    }
  if (sendmsg (self->fd, &header, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
    return TRUE;
  if (errno != EAGAIN && errno != EINTR)
    close_connection (self, TRUE);
  return FALSE;
}

static gboolean on_writable (int fd, GIOCondition condition, gpointer user_data);

static void
flush (FunnelAgentClient *self)
{
  while (self->fd >= 0 && !g_queue_is_empty (&self->outgoing)
         && send_one (self, g_queue_peek_head (&self->outgoing)))
    datagram_free (g_queue_pop_head (&self->outgoing));
  if (self->fd < 0 || g_queue_is_empty (&self->outgoing))
    destroy_source (&self->writable);
  else if (!self->writable)
    {
      self->writable = g_unix_fd_source_new (self->fd, G_IO_OUT);
      attach (self, self->writable, G_SOURCE_FUNC (on_writable), self, NULL);
    }
}

static gboolean
on_writable (int fd, GIOCondition condition, gpointer user_data)
{
  g_autoptr (FunnelAgentClient) self = g_object_ref (user_data);

  flush (self);
  return self->writable ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

static gsize
measure (const char *verb, const char *const *fields)
{
  gsize len = strlen (verb) + 1;

  for (gsize i = 0; fields && fields[i] && fields[i + 1]; i += 2)
    len += strlen (fields[i]) + strlen (fields[i + 1]) + 2;
  return len;
}

static void
append (GByteArray *text, const char *part)
{
  g_byte_array_append (text, (const guint8 *)part, strlen (part));
}

static Datagram *
datagram_new (const char *verb, const char *const *fields, GUnixFDList *fds)
{
  Datagram *datagram = g_new0 (Datagram, 1);

  /* Sized at once: a growing array would leave copies of a key behind. */
  datagram->text = g_byte_array_sized_new (measure (verb, fields));
  datagram->fds = fds ? g_object_ref (fds) : NULL;
  append (datagram->text, verb);
  append (datagram->text, "\n");
  for (gsize i = 0; fields && fields[i] && fields[i + 1]; i += 2)
    {
      append (datagram->text, fields[i]);
      append (datagram->text, "=");
      append (datagram->text, fields[i + 1]);
      append (datagram->text, "\n");
    }
  return datagram;
}

static gboolean
fields_fit (const char *verb, const char *const *fields, GUnixFDList *fds, GError **error)
{
  for (gsize i = 0; fields && fields[i] && fields[i + 1]; i += 2)
    {
      if (!strchr (fields[i + 1], '\n'))
        continue;
      g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT, "%s: must be a single line",
                   fields[i]);
      return FALSE;
    }
  if (measure (verb, fields) > MESSAGE_MAX || (fds && g_unix_fd_list_get_length (fds) > FDS_MAX))
    {
      g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT, "The request is too long");
      return FALSE;
    }
  return TRUE;
}

static gboolean
on_call_deadline (gpointer user_data)
{
  Pending *pending = user_data;

  pending_fail (pending, g_error_new (FUNNEL_ERROR, FUNNEL_ERROR_UNREACHABLE,
                                      N_ ("The tunnel's agent did not answer within %d s"),
                                      CALL_DEADLINE_S));
  return G_SOURCE_REMOVE;
}

static gboolean
on_call_cancelled (GCancellable *cancellable, gpointer user_data)
{
  Pending *pending = user_data;
  GTask *task = g_steal_pointer (&pending->task);

  pending_disarm (pending);
  if (task && !g_task_return_error_if_cancelled (task))
    g_task_return_new_error (task, G_IO_ERROR, G_IO_ERROR_CANCELLED, "Cancelled");
  g_clear_object (&task);
  return G_SOURCE_REMOVE;
}

static void
arm (FunnelAgentClient *self, Pending *pending, GCancellable *cancellable)
{
  pending->deadline = g_timeout_source_new_seconds (CALL_DEADLINE_S);
  attach (self, pending->deadline, on_call_deadline, pending, NULL);
  if (!cancellable)
    return;
  pending->cancel_source = g_cancellable_source_new (cancellable);
  attach (self, pending->cancel_source, G_SOURCE_FUNC (on_call_cancelled), pending, NULL);
}

void
funnel_agent_client_call_async (FunnelAgentClient *self,
                                const char *verb,
                                const char *const *fields,
                                GUnixFDList *fds,
                                GCancellable *cancellable,
                                GAsyncReadyCallback callback,
                                gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (self, cancellable, callback, user_data);
  GError *error = NULL;
  Pending *pending;

  g_return_if_fail (FUNNEL_IS_AGENT_CLIENT (self));
  g_task_set_source_tag (task, funnel_agent_client_call_async);
  if (g_task_return_error_if_cancelled (task))
    return;
  if (!fields_fit (verb, fields, fds, &error))
    {
      g_task_return_error (task, error);
      return;
    }
  if (self->fd < 0)
    {
      g_task_return_new_error (task, FUNNEL_ERROR, FUNNEL_ERROR_UNREACHABLE,
                               N_ ("The tunnel's agent is gone"));
      return;
    }
  pending = g_new0 (Pending, 1);
  pending->task = g_steal_pointer (&task);
  arm (self, pending, cancellable);
  g_queue_push_tail (&self->pending, pending);
  g_queue_push_tail (&self->outgoing, datagram_new (verb, fields, fds));
  flush (self);
}

GHashTable *
funnel_agent_client_call_finish (FunnelAgentClient *self,
                                 GAsyncResult *result,
                                 GUnixFDList **fds_out,
                                 GError **error)
{
  Answer *answer;
  GHashTable *fields;

  g_return_val_if_fail (g_task_is_valid (result, self), NULL);
  answer = g_task_propagate_pointer (G_TASK (result), error);
  if (!answer)
    return NULL;
  fields = g_steal_pointer (&answer->fields);
  if (fds_out)
    *fds_out = g_steal_pointer (&answer->fds);
  answer_free (answer);
  return fields;
}

/* ---- blocking calls ---- */

static void
sync_done_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  GAsyncResult **slot = user_data;

  *slot = g_object_ref (result);
}

/* Serves the socket, and nothing else of the caller's main context, until the answer is there. The
 * task lives in a context of its own, so that its return does not run anybody else's callbacks. */
GHashTable *
funnel_agent_client_call_sync (FunnelAgentClient *self,
                               const char *verb,
                               const char *const *fields,
                               GUnixFDList *fds,
                               GUnixFDList **fds_out,
                               GError **error)
{
  g_autoptr (GMainContext) own = g_main_context_new ();
  g_autoptr (GAsyncResult) result = NULL;
  gint64 due = g_get_monotonic_time () + CALL_DEADLINE_S * G_USEC_PER_SEC;

  g_main_context_push_thread_default (own);
  funnel_agent_client_call_async (self, verb, fields, fds, NULL, sync_done_cb, &result);
  while (!result)
    {
      struct pollfd entry
          = {self->fd, (short)(POLLIN | (g_queue_is_empty (&self->outgoing) ? 0 : POLLOUT)), 0};
      gint64 left = (due - g_get_monotonic_time ()) / 1000;

      if (left <= 0 && self->fd >= 0)
        close_connection (self, TRUE);
      if (self->fd >= 0 && poll (&entry, 1, (int)left) > 0)
        {
          if (entry.revents & POLLOUT)
            flush (self);
          if (entry.revents & ~POLLOUT)
            receive_one (self);
        }
      while (g_main_context_iteration (own, FALSE))
        ;
    }
  g_main_context_pop_thread_default (own);
  return funnel_agent_client_call_finish (self, result, fds_out, error);
}

/* ---- construction ---- */

FunnelAgentClient *
funnel_agent_client_new_for_fd (int fd)
{
  FunnelAgentClient *self = g_object_new (FUNNEL_TYPE_AGENT_CLIENT, NULL);

  self->fd = fd;
  self->readable = g_unix_fd_source_new (fd, G_IO_IN);
  attach (self, self->readable, G_SOURCE_FUNC (on_readable), self, NULL);
  return self;
}

static gboolean
has_option (const char *const *options, const char *key)
{
  gsize len = strlen (key);

  for (; options && *options; options++)
    if (strncmp (*options, key, len) == 0 && (*options)[len] == '=')
      return TRUE;
  return FALSE;
}

/* The agent's command line, from "key=value" options and the environment. */
static GPtrArray *
build_command (const char *const *options)
{
  static const char *const folders[] = {"../lib/tunnel/agent", "../../lib/tunnel/agent", "agent",
                                        "../../../../lib/tunnel/agent", NULL};
  GPtrArray *argv = g_ptr_array_new_with_free_func (g_free);
  const char *engine = g_getenv (FUNNEL_ENV_ENGINE);

  g_ptr_array_add (argv, funnel_find_program ("funnel-netns", FUNNEL_ENV_NETNS_PROGRAM, folders));
  if (engine && *engine && !has_option (options, "engine"))
    g_ptr_array_add (argv, g_strdup_printf ("--engine=%s", engine));
  for (; options && *options; options++)
    g_ptr_array_add (argv, g_strdup_printf ("--%s", *options));
  return argv;
}

static GSubprocess *
launch (GPtrArray *argv, int passed, GError **error)
{
  g_autoptr (GSubprocessLauncher) launcher = g_subprocess_launcher_new (G_SUBPROCESS_FLAGS_NONE);
  GSubprocess *process;

  g_ptr_array_add (argv, NULL);
  g_subprocess_launcher_take_fd (launcher, passed, 3);
  /* It is us whom the service manager waits for and watches. */
  g_subprocess_launcher_unsetenv (launcher, "NOTIFY_SOCKET");
  g_subprocess_launcher_unsetenv (launcher, "WATCHDOG_USEC");
  g_subprocess_launcher_unsetenv (launcher, "WATCHDOG_PID");
  process = g_subprocess_launcher_spawnv (launcher, (const char *const *)argv->pdata, error);
  if (!process)
    g_prefix_error (error, N_ ("The tunnel's agent cannot be started: "));
  return process;
}

FunnelAgentClient *
funnel_agent_client_spawn (const char *const *options, GError **error)
{
  g_autoptr (GPtrArray) argv = build_command (options);
  FunnelAgentClient *self;
  GSubprocess *process;
  int pair[2];

  if (socketpair (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair))
    {
      g_set_error (error, G_IO_ERROR, g_io_error_from_errno (errno),
                   N_ ("No socket for the tunnel's agent: %s"), g_strerror (errno));
      return NULL;
    }
  g_ptr_array_add (argv, g_strdup ("--fd=3"));
  process = launch (argv, pair[1], error);
  if (!process)
    {
      close (pair[0]);
      return NULL;
    }
  self = funnel_agent_client_new_for_fd (pair[0]);
  self->process = process;
  return self;
}

FunnelAgentClient *
funnel_agent_client_connect (const char *path, GError **error)
{
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  int fd;

  if (g_strlcpy (address.sun_path, path, sizeof address.sun_path) >= sizeof address.sun_path)
    {
      g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT,
                   "The path of the agent's socket is too long: %s", path);
      return NULL;
    }
  fd = socket (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0 || connect (fd, (struct sockaddr *)&address, sizeof address))
    {
      g_set_error (error, G_IO_ERROR, g_io_error_from_errno (errno),
                   N_ ("No tunnel agent at %s: %s"), path, g_strerror (errno));
      if (fd >= 0)
        close (fd);
      return NULL;
    }
  return funnel_agent_client_new_for_fd (fd);
}

/* What the agent says about its start: "ok", a reason, or nothing when it could not even run. */
static char *
read_start_report (int fd)
{
  g_autoptr (GString) report = g_string_new (NULL);
  gint64 due = g_get_monotonic_time () / 1000 + START_DEADLINE_MS;

  for (;;)
    {
      struct pollfd entry = {fd, POLLIN, 0};
      gint64 left = due - g_get_monotonic_time () / 1000;
      char piece[256];
      gssize n;

      if (left <= 0 || (poll (&entry, 1, (int)left) <= 0 && errno != EINTR))
        break;
      n = read (fd, piece, sizeof piece);
      if (n <= 0)
        break;
      g_string_append_len (report, piece, n);
    }
  return g_string_free (g_steal_pointer (&report), FALSE);
}

FunnelAgentClient *
funnel_agent_client_start_lasting (const char *path, const char *const *options, GError **error)
{
  g_autoptr (GPtrArray) argv = build_command (options);
  g_autoptr (GSubprocess) process = NULL;
  g_autofree char *report = NULL;
  FunnelAgentClient *self;
  int ready[2];

  if (!g_unix_open_pipe (ready, FD_CLOEXEC, error))
    return NULL;
  g_ptr_array_add (argv, g_strdup_printf ("--socket=%s", path));
  g_ptr_array_add (argv, g_strdup ("--ready-fd=3"));
  process = launch (argv, ready[1], error);
  if (!process)
    {
      close (ready[0]);
      return NULL;
    }
  report = read_start_report (ready[0]);
  close (ready[0]);
  if (!g_str_equal (report, "ok"))
    {
      g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_UNSUPPORTED,
                   N_ ("The tunnel's agent did not start: %s"),
                   *report ? report : N_ ("it ended without a reason"));
      return NULL;
    }
  self = funnel_agent_client_connect (path, error);
  if (self)
    self->process = g_steal_pointer (&process);
  return self;
}

static void
funnel_agent_client_finalize (GObject *object)
{
  FunnelAgentClient *self = FUNNEL_AGENT_CLIENT (object);

  close_connection (self, FALSE);
  destroy_source (&self->events_source);
  g_queue_clear_full (&self->events, (GDestroyNotify)g_hash_table_unref);
  g_clear_object (&self->process);
  g_clear_pointer (&self->context, g_main_context_unref);
  G_OBJECT_CLASS (funnel_agent_client_parent_class)->finalize (object);
}

static void
funnel_agent_client_class_init (FunnelAgentClientClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = funnel_agent_client_finalize;
  signals[SIGNAL_EVENT]
      = g_signal_new ("event", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                      G_TYPE_NONE, 2, G_TYPE_STRING, G_TYPE_HASH_TABLE);
  signals[SIGNAL_CLOSED] = g_signal_new ("closed", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0,
                                         NULL, NULL, NULL, G_TYPE_NONE, 0);
}

static void
funnel_agent_client_init (FunnelAgentClient *self)
{
  self->fd = -1;
  self->context = g_main_context_ref_thread_default ();
  g_queue_init (&self->outgoing);
  g_queue_init (&self->pending);
  g_queue_init (&self->events);
}
