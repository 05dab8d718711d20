/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/client/share-model.h"

struct _FunnelShareModel
{
  GObject parent_instance;
  GDBusObjectManager *objects;
  GPtrArray *shares;  /* FunnelDBusShare, sorted */
  GPtrArray *arrived; /* those that will be in it at the end of this turn of the main loop */
  guint idle;
};

static void funnel_share_model_list_init (GListModelInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (FunnelShareModel,
                               funnel_share_model,
                               G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (G_TYPE_LIST_MODEL,
                                                      funnel_share_model_list_init))

int
funnel_share_model_compare (FunnelDBusShare *a, FunnelDBusShare *b)
{
  int by_name = g_strcmp0 (funnel_dbus_share_get_name (a), funnel_dbus_share_get_name (b));

  if (by_name)
    return by_name;
  return (int)funnel_dbus_share_get_port (a) - (int)funnel_dbus_share_get_port (b);
}

static int
compare_items (gconstpointer a, gconstpointer b)
{
  return funnel_share_model_compare (*(FunnelDBusShare *const *)a, *(FunnelDBusShare *const *)b);
}

/* Where @share belongs: behind all that are not greater. */
static guint
find_place (FunnelShareModel *self, FunnelDBusShare *share)
{
  guint low = 0, high = self->shares->len;

  while (low < high)
    {
      guint middle = low + (high - low) / 2;

      if (funnel_share_model_compare (g_ptr_array_index (self->shares, middle), share) <= 0)
        low = middle + 1;
      else
        high = middle;
    }
  return low;
}

static FunnelDBusShare *
dup_share (GDBusObject *object)
{
  return (FunnelDBusShare *)g_dbus_object_get_interface (object,
                                                         funnel_dbus_share_interface_info ()->name);
}

/* A daemon that starts announces its shares one by one. In the list they are one change, or a view
 * of it would be filled anew for each of them. */
static gboolean
on_idle (gpointer data)
{
  FunnelShareModel *self = data;
  guint before = self->shares->len;
  guint n = self->arrived->len;
  guint place = 0;

  self->idle = 0;
  if (n == 1)
    {
      place = find_place (self, g_ptr_array_index (self->arrived, 0));
      g_ptr_array_insert (self->shares, (int)place,
                          g_object_ref (g_ptr_array_index (self->arrived, 0)));
      g_ptr_array_set_size (self->arrived, 0);
      g_list_model_items_changed (G_LIST_MODEL (self), place, 0, 1);
      return G_SOURCE_REMOVE;
    }
  for (guint i = 0; i < n; i++)
    g_ptr_array_add (self->shares, g_object_ref (g_ptr_array_index (self->arrived, i)));
  g_ptr_array_set_size (self->arrived, 0);
  g_ptr_array_sort (self->shares, compare_items);
  if (n > 0)
    g_list_model_items_changed (G_LIST_MODEL (self), 0, before, before + n);
  return G_SOURCE_REMOVE;
}

static void
on_objects_object_added (FunnelShareModel *self, GDBusObject *object)
{
  g_autoptr (FunnelDBusShare) share = dup_share (object);

  if (!share || g_ptr_array_find (self->shares, share, NULL)
      || g_ptr_array_find (self->arrived, share, NULL))
    return;
  g_ptr_array_add (self->arrived, g_steal_pointer (&share));
  /* Before anybody is told that something has changed, and looks. */
  if (!self->idle)
    self->idle = g_idle_add_full (G_PRIORITY_HIGH, on_idle, self, NULL);
}

static void
on_objects_object_removed (FunnelShareModel *self, GDBusObject *object)
{
  g_autoptr (FunnelDBusShare) share = dup_share (object);
  guint place;

  if (!share || g_ptr_array_remove (self->arrived, share)
      || !g_ptr_array_find (self->shares, share, &place))
    return;
  g_ptr_array_remove_index (self->shares, place);
  g_list_model_items_changed (G_LIST_MODEL (self), place, 1, 0);
}

static void
load (FunnelShareModel *self)
{
  guint before = self->shares->len;
  GList *objects = self->objects ? g_dbus_object_manager_get_objects (self->objects) : NULL;

  g_ptr_array_set_size (self->shares, 0);
  g_ptr_array_set_size (self->arrived, 0);
  for (GList *l = objects; l; l = l->next)
    {
      FunnelDBusShare *share = dup_share (l->data);

      if (share)
        g_ptr_array_add (self->shares, share);
    }
  g_list_free_full (objects, g_object_unref);
  g_ptr_array_sort (self->shares, compare_items);
  if (before || self->shares->len)
    g_list_model_items_changed (G_LIST_MODEL (self), 0, before, self->shares->len);
}

void
funnel_share_model_follow (FunnelShareModel *self, GDBusObjectManager *objects)
{
  g_return_if_fail (FUNNEL_IS_SHARE_MODEL (self));
  if (self->objects)
    g_signal_handlers_disconnect_by_data (self->objects, self);
  if (g_set_object (&self->objects, objects) && objects)
    {
      g_signal_connect_object (objects, "object-added", G_CALLBACK (on_objects_object_added), self,
                               G_CONNECT_SWAPPED);
      g_signal_connect_object (objects, "object-removed", G_CALLBACK (on_objects_object_removed),
                               self, G_CONNECT_SWAPPED);
    }
  load (self);
}

static GType
get_item_type (GListModel *model)
{
  return FUNNEL_DBUS_TYPE_SHARE;
}

static guint
get_n_items (GListModel *model)
{
  return FUNNEL_SHARE_MODEL (model)->shares->len;
}

static gpointer
get_item (GListModel *model, guint position)
{
  GPtrArray *shares = FUNNEL_SHARE_MODEL (model)->shares;

  return position < shares->len ? g_object_ref (g_ptr_array_index (shares, position)) : NULL;
}

static void
funnel_share_model_list_init (GListModelInterface *iface)
{
  iface->get_item_type = get_item_type;
  iface->get_n_items = get_n_items;
  iface->get_item = get_item;
}

static void
funnel_share_model_dispose (GObject *object)
{
  FunnelShareModel *self = FUNNEL_SHARE_MODEL (object);

  if (self->objects)
    g_signal_handlers_disconnect_by_data (self->objects, self);
  g_clear_object (&self->objects);
  g_clear_handle_id (&self->idle, g_source_remove);
  g_clear_pointer (&self->shares, g_ptr_array_unref);
  g_clear_pointer (&self->arrived, g_ptr_array_unref);
  G_OBJECT_CLASS (funnel_share_model_parent_class)->dispose (object);
}

static void
funnel_share_model_class_init (FunnelShareModelClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = funnel_share_model_dispose;
}

static void
funnel_share_model_init (FunnelShareModel *self)
{
  self->shares = g_ptr_array_new_with_free_func (g_object_unref);
  self->arrived = g_ptr_array_new_with_free_func (g_object_unref);
}

FunnelShareModel *
funnel_share_model_new (void)
{
  return g_object_new (FUNNEL_TYPE_SHARE_MODEL, NULL);
}
