/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/cert/certificate-store.h"

#include "lib/base/error.h"
#include "lib/base/json-read.h"
#include "lib/base/token.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gi18n.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ROOT_NAME "certificates"
#define VERSIONS_NAME ".versions"
#define ACCOUNTS_NAME ".accounts"
#define HISTORY_NAME ".history"
#define NEW_LINK ".new-link"
#define KEY_FILE "privkey.pem"
#define CHAIN_FILE "fullchain.pem"
#define RECORD_FILE "order.json"
#define FILE_MAX (256 * 1024)
#define TEXT_MAX 2048         /* bytes of one member of the record */
#define ROOM_NEEDED 64 * 1024 /* bytes free on disk; a version has about 8 KiB */

struct _FunnelCertificateStore
{
  char *root;
};

static const char *const folders[] = {VERSIONS_NAME, ACCOUNTS_NAME, HISTORY_NAME};

/* --- Errors --- */

/* What to do about @code at @path. */
static char *
make_remedy (const char *path, int code)
{
  switch (code)
    {
    case ENOSPC:
    case EDQUOT:
      return g_strdup (N_ ("make room on this disk"));
    case EROFS:
      return g_strdup (N_ ("make the file system writable"));
    case EACCES:
    case EPERM:
      return g_strdup_printf (N_ ("type: chown -R %u %s && chmod -R u+rwX,go= %s"),
                              (guint)geteuid (), path, path);
    default:
      return g_strdup ("");
    }
}

/* Takes @what. */
static gboolean
fail (GError **error, char *what, const char *path, int code)
{
  g_autofree char *remedy = make_remedy (path, code);

  g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_STORE, "%s: %s%s%s", what, g_strerror (code),
               remedy[0] != '\0' ? "; " : "", remedy);
  g_free (what);
  return FALSE;
}

/* Ours, and closed to others. */
static gboolean
check_private (const char *path, const struct stat *st, GError **error)
{
  if (st->st_uid != geteuid ())
    g_set_error (
        error, FUNNEL_ERROR, FUNNEL_ERROR_STORE,
        N_ ("%s belongs to another user (uid %u), so it is not used; type: chown -R %u %s"), path,
        (guint)st->st_uid, (guint)geteuid (), path);
  else if ((st->st_mode & 077) != 0)
    g_set_error (
        error, FUNNEL_ERROR, FUNNEL_ERROR_STORE,
        N_ ("%s is open to other users (mode %04o), so it is not used; type: chmod -R go= %s"),
        path, st->st_mode & 07777, path);
  else
    return TRUE;
  return FALSE;
}

/* --- Records --- */

static const struct
{
  const char *member;
  gsize offset;
} record_members[] = {
    {"ca", G_STRUCT_OFFSET (FunnelOrderRecord, ca)},
    {"order_url", G_STRUCT_OFFSET (FunnelOrderRecord, order_url)},
    {"account_url", G_STRUCT_OFFSET (FunnelOrderRecord, account_url)},
    {"certificate_id", G_STRUCT_OFFSET (FunnelOrderRecord, certificate_id)},
};

static char **
get_member (FunnelOrderRecord *record, guint i)
{
  return &G_STRUCT_MEMBER (char *, record, record_members[i].offset);
}

FunnelOrderRecord *
funnel_order_record_copy (const FunnelOrderRecord *record)
{
  FunnelOrderRecord *copy = g_memdup2 (record, sizeof *record);

  for (guint i = 0; i < G_N_ELEMENTS (record_members); i++)
    *get_member (copy, i) = g_strdup (*get_member (copy, i));
  return copy;
}

void
funnel_order_record_free (FunnelOrderRecord *record)
{
  if (record == NULL)
    return;
  for (guint i = 0; i < G_N_ELEMENTS (record_members); i++)
    g_free (*get_member (record, i));
  g_free (record);
}

static char *
print_record (const FunnelOrderRecord *record)
{
  JsonObject *object = json_object_new ();

  for (guint i = 0; i < G_N_ELEMENTS (record_members); i++)
    {
      const char *text = G_STRUCT_MEMBER (char *, record, record_members[i].offset);

      if (text != NULL)
        json_object_set_string_member (object, record_members[i].member, text);
    }
  json_object_set_int_member (object, "issued", record->issued);
  return funnel_json_print_object (object);
}

/* The record only helps: one that cannot be read is an empty one. */
static FunnelOrderRecord *
read_record (const char *path)
{
  g_autoptr (FunnelOrderRecord) record = g_new0 (FunnelOrderRecord, 1);
  g_autofree char *text = NULL;
  g_autoptr (JsonObject) object = NULL;
  guint64 issued = 0;
  gsize len = 0;

  if (!g_file_get_contents (path, &text, &len, NULL) || len > FILE_MAX)
    return g_steal_pointer (&record);
  object = funnel_json_parse_object (text, len, NULL);
  for (guint i = 0; object != NULL && i < G_N_ELEMENTS (record_members); i++)
    *get_member (record, i)
        = g_strdup (funnel_json_get_string (object, record_members[i].member, TEXT_MAX, NULL));
  if (object != NULL && funnel_json_get_uint (object, "issued", 0, (guint64)1 << 53, &issued, NULL))
    record->issued = (gint64)issued;
  return g_steal_pointer (&record);
}

/* --- Files --- */

static gboolean
write_all (int fd, const char *text, gsize len)
{
  while (len > 0)
    {
      ssize_t n = write (fd, text, len);

      if (n < 0 && errno == EINTR)
        continue;
      if (n < 0)
        return FALSE;
      text += n;
      len -= (gsize)n;
    }
  return TRUE;
}

/* A new file, on disk when this returns. */
static gboolean
write_file (const char *folder, const char *name, const char *text, GError **error)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);
  int fd = open (path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  gboolean ok = fd >= 0 && write_all (fd, text, strlen (text)) && fsync (fd) == 0;
  int code = errno;

  if (fd >= 0 && close (fd) != 0 && ok)
    {
      code = errno;
      ok = FALSE;
    }
  return ok || fail (error, g_strdup_printf (N_ ("cannot write %s"), path), path, code);
}

static gboolean
sync_folder (const char *path, GError **error)
{
  int fd = open (path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  int code = 0;

  if (fd < 0 || fsync (fd) != 0)
    code = errno;
  if (fd >= 0)
    close (fd);
  return code == 0 || fail (error, g_strdup_printf (N_ ("cannot write %s"), path), path, code);
}

/* A folder of plain files, as versions are. */
static void
remove_folder (const char *path)
{
  GDir *dir = g_dir_open (path, 0, NULL);
  const char *name = NULL;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *file = g_build_filename (path, name, NULL);

      unlink (file);
    }
  if (dir != NULL)
    g_dir_close (dir);
  rmdir (path);
}

static char *
build_path (FunnelCertificateStore *self, const char *folder, const char *name)
{
  return g_build_filename (self->root, folder, name, NULL);
}

/* Where @name points to, as an absolute path into the versions; NULL if it is no link of ours. */
static char *
read_link (FunnelCertificateStore *self, const char *name)
{
  g_autofree char *path = g_build_filename (self->root, name, NULL);
  g_autofree char *target = g_file_read_link (path, NULL);
  g_autofree char *folder = target != NULL ? g_path_get_dirname (target) : NULL;
  g_autofree char *version = target != NULL ? g_path_get_basename (target) : NULL;

  if (g_strcmp0 (folder, VERSIONS_NAME) != 0)
    return NULL;
  return build_path (self, VERSIONS_NAME, version);
}

/* --- The folders --- */

static gboolean
make_folder (const char *path, GError **error)
{
  struct stat st;

  if (mkdir (path, 0700) != 0 && errno != EEXIST)
    return fail (error, g_strdup_printf (N_ ("cannot make %s"), path), path, errno);
  if (lstat (path, &st) != 0)
    return fail (error, g_strdup_printf (N_ ("cannot read %s"), path), path, errno);
  if (S_ISDIR (st.st_mode))
    return check_private (path, &st, error);
  g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_STORE, N_ ("%s is not a folder; move it away"),
               path);
  return FALSE;
}

/* Better known before an order than after it. */
static gboolean
check_room (FunnelCertificateStore *self, GError **error)
{
  g_autofree char *path = build_path (self, VERSIONS_NAME, ".room");
  int fd = open (path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  int code = fd < 0 ? errno : posix_fallocate (fd, 0, ROOM_NEEDED);

  if (fd >= 0)
    {
      close (fd);
      unlink (path);
    }
  return code == 0
         || fail (error, g_strdup_printf (N_ ("cannot write %s"), self->root), self->root, code);
}

FunnelCertificateStore *
funnel_certificate_store_new (const char *state_dir)
{
  FunnelCertificateStore *self = g_new0 (FunnelCertificateStore, 1);

  self->root = g_build_filename (state_dir, ROOT_NAME, NULL);
  return self;
}

void
funnel_certificate_store_free (FunnelCertificateStore *self)
{
  if (self == NULL)
    return;
  g_free (self->root);
  g_free (self);
}

gboolean
funnel_certificate_store_check (FunnelCertificateStore *self, GError **error)
{
  if (!make_folder (self->root, error))
    return FALSE;
  for (guint i = 0; i < G_N_ELEMENTS (folders); i++)
    {
      g_autofree char *path = g_build_filename (self->root, folders[i], NULL);

      if (!make_folder (path, error))
        return FALSE;
    }
  return check_room (self, error);
}

static int
compare_names (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *)a, *(const char *const *)b);
}

GStrv
funnel_certificate_store_list (FunnelCertificateStore *self)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new ();
  GDir *dir = g_dir_open (self->root, 0, NULL);
  const char *name = NULL;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    if (name[0] != '.')
      {
        g_autofree char *target = read_link (self, name);

        if (target != NULL)
          g_ptr_array_add (names, g_strdup (name));
      }
  if (dir != NULL)
    g_dir_close (dir);
  g_ptr_array_sort (names, compare_names);
  g_ptr_array_add (names, NULL);
  return (GStrv)g_ptr_array_free (g_steal_pointer (&names), FALSE);
}

/* The set of versions that count, by their paths. */
static GHashTable *
collect_current (FunnelCertificateStore *self)
{
  GHashTable *current = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_auto (GStrv) names = funnel_certificate_store_list (self);

  for (guint i = 0; names[i] != NULL; i++)
    g_hash_table_add (current, read_link (self, names[i]));
  return current;
}

void
funnel_certificate_store_clean (FunnelCertificateStore *self)
{
  g_autofree char *versions = g_build_filename (self->root, VERSIONS_NAME, NULL);
  g_autofree char *link = g_build_filename (self->root, NEW_LINK, NULL);
  g_autoptr (GHashTable) current = NULL;
  GDir *dir = NULL;
  const char *version = NULL;

  /* In a store that is not ours nothing is touched. */
  if (!funnel_certificate_store_check (self, NULL))
    return;
  unlink (link);
  current = collect_current (self);
  dir = g_dir_open (versions, 0, NULL);
  while (dir != NULL && (version = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = g_build_filename (versions, version, NULL);

      if (!g_hash_table_contains (current, path))
        remove_folder (path);
    }
  if (dir != NULL)
    g_dir_close (dir);
}

/* --- One certificate --- */

static gboolean
check_file (const char *path, GError **error)
{
  struct stat st;

  if (lstat (path, &st) != 0)
    return fail (error, g_strdup_printf (N_ ("cannot read %s"), path), path, errno);
  if (!S_ISREG (st.st_mode) || st.st_size > FILE_MAX)
    {
      g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_STORE,
                   N_ ("%s is not a file of ours; move its folder away"), path);
      return FALSE;
    }
  return check_private (path, &st, error);
}

static gboolean
read_secret (const char *path, char **text, GError **error)
{
  g_autoptr (GError) local = NULL;

  if (!check_file (path, error))
    return FALSE;
  if (g_file_get_contents (path, text, NULL, &local))
    return TRUE;
  g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_STORE, "cannot read %s: %s", path, local->message);
  return FALSE;
}

static gboolean
load_version (const char *version,
              const char *name,
              FunnelCertificate **certificate,
              GError **error)
{
  g_autofree char *key_path = g_build_filename (version, KEY_FILE, NULL);
  g_autofree char *chain_path = g_build_filename (version, CHAIN_FILE, NULL);
  g_autofree char *chain = NULL;
  g_autoptr (GError) local = NULL;
  char *key = NULL;

  if (!read_secret (chain_path, &chain, error) || !read_secret (key_path, &key, error))
    return FALSE;
  *certificate = funnel_certificate_new (chain, key, name, version, &local);
  funnel_secret_free (key);
  if (*certificate == NULL)
    g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_STORE, N_ ("%s; move %s away to get a new one"),
                 local->message, version);
  return *certificate != NULL;
}

/* Cannot be missing by our own doing: a name is only ever switched. */
static gboolean
check_present (FunnelCertificateStore *self, const char *name, gboolean *present, GError **error)
{
  g_autofree char *path = g_build_filename (self->root, name, NULL);
  struct stat st;

  *present = FALSE;
  if (lstat (self->root, &st) != 0)
    return errno == ENOENT
           || fail (error, g_strdup_printf (N_ ("cannot read %s"), self->root), self->root, errno);
  if (!check_private (self->root, &st, error))
    return FALSE;
  if (lstat (path, &st) != 0)
    return errno == ENOENT
           || fail (error, g_strdup_printf (N_ ("cannot read %s"), path), path, errno);
  *present = TRUE;
  if (S_ISLNK (st.st_mode))
    return TRUE;
  g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_STORE, N_ ("%s is not ours; move it away"), path);
  return FALSE;
}

gboolean
funnel_certificate_store_load (FunnelCertificateStore *self,
                               const char *name,
                               FunnelCertificate **certificate,
                               FunnelOrderRecord **record,
                               GError **error)
{
  g_autofree char *version = NULL;
  g_autofree char *record_path = NULL;
  gboolean present = FALSE;

  *certificate = NULL;
  *record = NULL;
  if (!check_present (self, name, &present, error))
    return FALSE;
  version = present ? read_link (self, name) : NULL;
  if (version == NULL)
    return TRUE;
  if (!load_version (version, name, certificate, error))
    return FALSE;
  record_path = g_build_filename (version, RECORD_FILE, NULL);
  *record = read_record (record_path);
  return TRUE;
}

static gboolean
write_version (const char *version,
               FunnelCertificate *certificate,
               const FunnelOrderRecord *record,
               GError **error)
{
  g_autofree char *text = print_record (record);

  return write_file (version, KEY_FILE, funnel_certificate_get_key_pem (certificate), error)
         && write_file (version, CHAIN_FILE, funnel_certificate_get_chain_pem (certificate), error)
         && write_file (version, RECORD_FILE, text, error) && sync_folder (version, error);
}

static gboolean
switch_to (FunnelCertificateStore *self, const char *name, const char *version, GError **error)
{
  g_autofree char *link = g_build_filename (self->root, NEW_LINK, NULL);
  g_autofree char *path = g_build_filename (self->root, name, NULL);
  g_autofree char *base = g_path_get_basename (version);
  g_autofree char *target = g_build_filename (VERSIONS_NAME, base, NULL);

  unlink (link);
  if (symlink (target, link) != 0 || rename (link, path) != 0)
    return fail (error, g_strdup_printf (N_ ("cannot write %s"), path), path, errno);
  return TRUE;
}

gboolean
funnel_certificate_store_install (FunnelCertificateStore *self,
                                  const char *name,
                                  FunnelCertificate *certificate,
                                  const FunnelOrderRecord *record,
                                  GError **error)
{
  g_autofree char *versions = g_build_filename (self->root, VERSIONS_NAME, NULL);
  g_autofree char *before = NULL;
  g_autofree char *template = NULL;

  if (!funnel_certificate_store_check (self, error))
    return FALSE;
  before = read_link (self, name);
  template = g_strdup_printf ("%s/%.200s.XXXXXX", versions, name);
  if (g_mkdtemp_full (template, 0700) == NULL)
    return fail (error, g_strdup_printf (N_ ("cannot write %s"), versions), versions, errno);
  if (!write_version (template, certificate, record, error) || !sync_folder (versions, error)
      || !switch_to (self, name, template, error))
    {
      remove_folder (template);
      return FALSE;
    }
  /* From here on the new one counts; what is behind it may fail. */
  if (sync_folder (self->root, NULL) && before != NULL)
    remove_folder (before);
  return TRUE;
}

gboolean
funnel_certificate_store_remove (FunnelCertificateStore *self, const char *name, GError **error)
{
  g_autofree char *path = g_build_filename (self->root, name, NULL);
  g_autofree char *version = read_link (self, name);

  if (version == NULL)
    return TRUE;
  if (unlink (path) != 0)
    return fail (error, g_strdup_printf (N_ ("cannot remove %s"), path), path, errno);
  remove_folder (version);
  return sync_folder (self->root, error);
}

/* --- Accounts --- */

static char *
account_path (FunnelCertificateStore *self, const char *ca)
{
  g_autofree char *hash = g_compute_checksum_for_string (G_CHECKSUM_SHA256, ca, -1);
  g_autofree char *file = g_strdup_printf ("%.32s.pem", hash);

  return build_path (self, ACCOUNTS_NAME, file);
}

gboolean
funnel_certificate_store_read_account (FunnelCertificateStore *self,
                                       const char *ca,
                                       char **key,
                                       GError **error)
{
  g_autofree char *path = account_path (self, ca);

  *key = NULL;
  return !g_file_test (path, G_FILE_TEST_EXISTS) || read_secret (path, key, error);
}

static gboolean
write_whole (const char *path, const char *text, GError **error)
{
  g_autoptr (GError) local = NULL;

  if (g_file_set_contents_full (path, text, -1,
                                G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE, 0600,
                                &local))
    return TRUE;
  g_set_error_literal (error, FUNNEL_ERROR, FUNNEL_ERROR_STORE, local->message);
  return FALSE;
}

gboolean
funnel_certificate_store_write_account (FunnelCertificateStore *self,
                                        const char *ca,
                                        const char *key,
                                        GError **error)
{
  g_autofree char *path = account_path (self, ca);

  return funnel_certificate_store_check (self, error) && write_whole (path, key, error);
}

/* --- History --- */

GStrv
funnel_certificate_store_get_history (FunnelCertificateStore *self, const char *name)
{
  g_autofree char *path = build_path (self, HISTORY_NAME, name);
  g_autofree char *text = NULL;

  if (!g_file_get_contents (path, &text, NULL, NULL))
    return g_new0 (char *, 1);
  g_strchomp (text);
  return text[0] != '\0' ? g_strsplit (text, "\n", -1) : g_new0 (char *, 1);
}

static gboolean
write_history (FunnelCertificateStore *self, const char *name, GPtrArray *lines)
{
  g_autofree char *path = build_path (self, HISTORY_NAME, name);
  g_autoptr (GString) text = g_string_new (NULL);
  g_autoptr (GError) error = NULL;
  guint first = lines->len > FUNNEL_HISTORY_MAX ? lines->len - FUNNEL_HISTORY_MAX : 0;

  for (guint i = first; i < lines->len; i++)
    g_string_append_printf (text, "%s\n", (const char *)g_ptr_array_index (lines, i));
  if (funnel_certificate_store_check (self, &error) && write_whole (path, text->str, &error))
    return TRUE;
  g_warning ("%s", error->message);
  return FALSE;
}

void
funnel_certificate_store_add_history (FunnelCertificateStore *self,
                                      const char *name,
                                      const char *serial)
{
  g_auto (GStrv) before = funnel_certificate_store_get_history (self, name);
  g_autoptr (GPtrArray) lines = g_ptr_array_new ();

  for (guint i = 0; before[i] != NULL; i++)
    g_ptr_array_add (lines, before[i]);
  g_ptr_array_add (lines, (gpointer)serial);
  write_history (self, name, lines);
}

gboolean
funnel_certificate_store_take_notice (FunnelCertificateStore *self, const char *name)
{
  g_autofree char *path = build_path (self, HISTORY_NAME, name);
  g_autoptr (GPtrArray) lines = g_ptr_array_new ();

  if (g_file_test (path, G_FILE_TEST_EXISTS))
    return FALSE;
  write_history (self, name, lines);
  return TRUE;
}
