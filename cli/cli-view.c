/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/cli-view.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/cli-json.h"
#include "cli/cli-labels.h"

#define COLUMNS_FALLBACK 80

static gboolean
can_redraw (void)
{
  const char *term = g_getenv ("TERM");

  return isatty (STDOUT_FILENO) && term && *term && g_strcmp0 (term, "dumb") != 0;
}

static guint
get_columns (void)
{
  struct winsize size = {0};

  if (ioctl (STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col == 0)
    return COLUMNS_FALLBACK;
  return size.ws_col;
}

void
funnel_cli_view_init (FunnelCliView *view, gboolean json, const char *footer)
{
  *view = (FunnelCliView) {.footer = footer};
  if (json)
    view->mode = footer ? FUNNEL_CLI_VIEW_JSON : FUNNEL_CLI_VIEW_QUIET;
  else
    view->mode = can_redraw () ? FUNNEL_CLI_VIEW_TERMINAL : FUNNEL_CLI_VIEW_LINES;
}

void
funnel_cli_view_clear (FunnelCliView *view)
{
  g_clear_pointer (&view->shown, g_free);
  g_clear_pointer (&view->shown_url, g_free);
}

/* Returns whether @text differs from what was said last; it is what was said last from now on.
 * Takes @text. */
static gboolean
remember (FunnelCliView *view, char *text)
{
  if (g_strcmp0 (view->shown, text) == 0)
    {
      g_free (text);
      return FALSE;
    }
  g_free (view->shown);
  view->shown = text;
  return TRUE;
}

static void
update_terminal (FunnelCliView *view, const FunnelCliShareText *text)
{
  guint rows = view->shown ? funnel_label_rows (view->shown, get_columns ()) : 0;

  if (!remember (view, funnel_label_block (text, view->was_active, view->footer)))
    return;
  if (rows)
    printf ("\033[%uA\r\033[J", rows);
  fputs (view->shown, stdout);
}

static void
update_lines (FunnelCliView *view, const FunnelCliShareText *text)
{
  gboolean first = view->shown == NULL || g_strcmp0 (view->shown_url, text->url) != 0;

  if (!remember (view, funnel_label_line (text)))
    return;
  if (first)
    {
      g_autofree char *block = funnel_label_block (text, view->was_active, view->footer);

      g_free (view->shown_url);
      view->shown_url = g_strdup (text->url);
      fputs (block, stdout);
    }
  else
    puts (view->shown);
}

static void
update_json (FunnelCliView *view, const FunnelCliShareText *text, FunnelDBusShare *share)
{
  JsonObject *object;

  if (!remember (view,
                 g_strjoin ("\n", text->url ? text->url : "", text->target ? text->target : "",
                            text->state ? text->state : "", text->reason ? text->reason : "",
                            text->next_step ? text->next_step : "", NULL)))
    return;
  object = funnel_cli_json_new ();
  json_object_set_object_member (object, "share", funnel_cli_json_share (share));
  funnel_cli_json_print (object, FALSE);
}

/* Where the mount at @path leads, which may end in slashes; NULL if there is none. */
static char *
dup_target_at (FunnelDBusShare *share, const char *path)
{
  GVariant *mounts = funnel_dbus_share_get_mounts (share);
  gsize length = strlen (path);

  while (length > 1 && path[length - 1] == '/')
    length--;
  for (gsize i = 0; mounts && i < g_variant_n_children (mounts); i++)
    {
      g_autoptr (GVariant) mount = g_variant_get_child_value (mounts, i);
      g_autoptr (GVariant) target = g_variant_lookup_value (mount, "target", G_VARIANT_TYPE_STRING);
      const char *at = "";

      g_variant_lookup (mount, "path", "&s", &at);
      if (target && strncmp (at, path, length) == 0
          && at[length + strspn (at + length, "/")] == '\0')
        return g_variant_dup_string (target, NULL);
    }
  return NULL;
}

void
funnel_cli_view_update (FunnelCliView *view, FunnelDBusShare *share)
{
  FunnelCliShareText text = {
      .url = funnel_dbus_share_get_url (share),
      .kind = funnel_dbus_share_get_kind (share),
      .target = funnel_dbus_share_get_target (share),
      .state = funnel_dbus_share_get_state (share),
      .reason = funnel_dbus_share_get_reason (share),
      .next_step = funnel_dbus_share_get_next_step (share),
  };
  g_autofree char *target = view->path ? dup_target_at (share, view->path) : NULL;
  g_autofree char *url = target ? g_strconcat (text.url, view->path, NULL) : NULL;

  if (target)
    {
      text.target = target;
      text.url = url;
    }

  if (view->mode == FUNNEL_CLI_VIEW_TERMINAL)
    update_terminal (view, &text);
  else if (view->mode == FUNNEL_CLI_VIEW_LINES)
    update_lines (view, &text);
  else if (view->mode == FUNNEL_CLI_VIEW_JSON)
    update_json (view, &text, share);
  if (funnel_label_is_active (text.state))
    view->was_active = TRUE;
  fflush (stdout);
}

void
funnel_cli_view_note (FunnelCliView *view, const char *text)
{
  if (view->mode == FUNNEL_CLI_VIEW_TERMINAL || view->mode == FUNNEL_CLI_VIEW_LINES)
    puts (text);
  else
    fprintf (stderr, "%s\n", text);
  fflush (stdout);
  g_clear_pointer (&view->shown, g_free);
}

void
funnel_cli_view_log (FunnelCliView *view, const char *line)
{
  guint rows = view->shown ? funnel_label_rows (view->shown, get_columns ()) : 0;

  if (view->mode == FUNNEL_CLI_VIEW_TERMINAL && rows)
    printf ("\033[%uA\r\033[J%s\n%s", rows, line, view->shown);
  else
    puts (line);
  fflush (stdout);
}
