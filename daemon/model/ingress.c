/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/model/ingress.h"

#include "lib/base/error.h"
#include "lib/base/host.h"
#include "lib/base/token.h"

#include <glib/gi18n.h>
#include <string.h>

static const char *const state_texts[] = {
    [FUNNEL_INGRESS_TUNNEL_DOWN] = "tunnel-down",
    [FUNNEL_INGRESS_LINK_DOWN] = "link-down",
    [FUNNEL_INGRESS_LINKED] = "linked",
};
G_STATIC_ASSERT (G_N_ELEMENTS (state_texts) == FUNNEL_INGRESS_LINKED + 1);

#define ROUND_TRIP_STEP_US 2000

enum
{
  PROP_ENDPOINT = 1,
  PROP_NODE,
  PROP_ZONE,
  PROP_NAMES,
  PROP_PUBLIC_PORTS,
  PROP_GRANTS,
  PROP_STATE,
  PROP_REASON,
  PROP_NEXT_STEP,
  PROP_TUNNEL,
  PROP_TUNNEL_CHOICE,
  PROP_TUNNEL_PASSED_OVER,
  PROP_ENGINE,
  PROP_HANDSHAKE,
  PROP_MTU,
  PROP_ROUND_TRIP,
  PROP_REFUSALS,
  N_PROPS
};

struct _FunnelIngress
{
  GObject parent_instance;
  FunnelIngressSpec *spec;
  GPtrArray *grants;        /* FunnelLinkGrant*, or NULL */
  GPtrArray *claims;        /* FunnelLinkClaim* */
  GVariant *grants_variant; /* a{saq} */
  FunnelIngressState state;
  gint64 up_since; /* monotonic seconds; 0: the tunnel is down */
  char *reason;
  char *next_step;
  char *tunnel;
  GStrv passed_over;
  char *engine;
  gint64 handshake;
  guint mtu;
  guint round_trip;   /* microseconds; 0 not known */
  GVariant *refusals; /* a{st} */
};

static GParamSpec *props[N_PROPS];

G_DEFINE_FINAL_TYPE (FunnelIngress, funnel_ingress, G_TYPE_OBJECT)

static void
notify (FunnelIngress *self, guint prop)
{
  g_object_notify_by_pspec (G_OBJECT (self), props[prop]);
}

static GVariant *
make_ports (const guint16 *ports, guint n)
{
  return g_variant_new_fixed_array (G_VARIANT_TYPE_UINT16, ports, n, sizeof *ports);
}

static char *
make_endpoint (const FunnelIngressSpec *spec)
{
  return funnel_endpoint_join (spec->host, spec->port);
}

static void
funnel_ingress_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  FunnelIngress *self = FUNNEL_INGRESS (object);
  const GArray *ports = self->spec->public_ports;

  switch (id)
    {
    case PROP_ENDPOINT:
      g_value_take_string (value, make_endpoint (self->spec));
      break;
    case PROP_NODE:
      g_value_set_string (value, self->spec->node);
      break;
    case PROP_ZONE:
      g_value_set_string (value, self->spec->zone);
      break;
    case PROP_NAMES:
      g_value_set_boxed (value, self->spec->names);
      break;
    case PROP_PUBLIC_PORTS:
      g_value_set_variant (value,
                           make_ports ((const guint16 *)(gconstpointer)ports->data, ports->len));
      break;
    case PROP_GRANTS:
      g_value_set_variant (value, self->grants_variant);
      break;
    case PROP_STATE:
      g_value_set_static_string (value, funnel_ingress_state_text (self->state));
      break;
    case PROP_REASON:
      g_value_set_string (value, self->reason);
      break;
    case PROP_NEXT_STEP:
      g_value_set_string (value, self->next_step);
      break;
    case PROP_TUNNEL_CHOICE:
      g_value_set_string (value, self->spec->tunnel);
      break;
    case PROP_TUNNEL_PASSED_OVER:
      g_value_set_boxed (value, self->passed_over);
      break;
    case PROP_TUNNEL:
      g_value_set_string (value, self->tunnel);
      break;
    case PROP_ENGINE:
      g_value_set_string (value, self->engine);
      break;
    case PROP_HANDSHAKE:
      g_value_set_uint64 (value, (guint64)self->handshake);
      break;
    case PROP_MTU:
      g_value_set_uint (value, self->mtu);
      break;
    case PROP_ROUND_TRIP:
      g_value_set_uint (value, self->round_trip);
      break;
    case PROP_REFUSALS:
      g_value_set_variant (value, self->refusals);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
funnel_ingress_finalize (GObject *object)
{
  FunnelIngress *self = FUNNEL_INGRESS (object);

  funnel_ingress_spec_free (self->spec);
  g_clear_pointer (&self->grants, g_ptr_array_unref);
  g_ptr_array_unref (self->claims);
  g_variant_unref (self->grants_variant);
  g_variant_unref (self->refusals);
  g_free (self->reason);
  g_free (self->next_step);
  g_strfreev (self->passed_over);
  g_free (self->tunnel);
  g_free (self->engine);
  G_OBJECT_CLASS (funnel_ingress_parent_class)->finalize (object);
}

static void
funnel_ingress_class_init (FunnelIngressClass *class)
{
  GObjectClass *object_class = G_OBJECT_CLASS (class);
  const GParamFlags flags = G_PARAM_READABLE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY;

  object_class->get_property = funnel_ingress_get_property;
  object_class->finalize = funnel_ingress_finalize;
  props[PROP_ENDPOINT] = g_param_spec_string ("endpoint", NULL, NULL, NULL, flags);
  props[PROP_NODE] = g_param_spec_string ("node", NULL, NULL, NULL, flags);
  props[PROP_ZONE] = g_param_spec_string ("zone", NULL, NULL, NULL, flags);
  props[PROP_NAMES] = g_param_spec_boxed ("names", NULL, NULL, G_TYPE_STRV, flags);
  props[PROP_PUBLIC_PORTS]
      = g_param_spec_variant ("public-ports", NULL, NULL, G_VARIANT_TYPE ("aq"), NULL, flags);
  props[PROP_GRANTS]
      = g_param_spec_variant ("grants", NULL, NULL, G_VARIANT_TYPE ("a{saq}"), NULL, flags);
  props[PROP_STATE] = g_param_spec_string ("state", NULL, NULL, NULL, flags);
  props[PROP_REASON] = g_param_spec_string ("reason", NULL, NULL, NULL, flags);
  props[PROP_NEXT_STEP] = g_param_spec_string ("next-step", NULL, NULL, NULL, flags);
  props[PROP_TUNNEL_CHOICE] = g_param_spec_string ("tunnel-choice", NULL, NULL, NULL, flags);
  props[PROP_TUNNEL_PASSED_OVER]
      = g_param_spec_boxed ("tunnel-passed-over", NULL, NULL, G_TYPE_STRV, flags);
  props[PROP_TUNNEL] = g_param_spec_string ("tunnel", NULL, NULL, NULL, flags);
  props[PROP_ENGINE] = g_param_spec_string ("engine", NULL, NULL, NULL, flags);
  props[PROP_HANDSHAKE] = g_param_spec_uint64 ("handshake", NULL, NULL, 0, G_MAXUINT64, 0, flags);
  props[PROP_MTU] = g_param_spec_uint ("mtu", NULL, NULL, 0, G_MAXUINT32, 0, flags);
  props[PROP_ROUND_TRIP] = g_param_spec_uint ("round-trip", NULL, NULL, 0, G_MAXUINT32, 0, flags);
  props[PROP_REFUSALS]
      = g_param_spec_variant ("refusals", NULL, NULL, G_VARIANT_TYPE ("a{st}"), NULL, flags);
  g_object_class_install_properties (object_class, N_PROPS, props);
}

static void
funnel_ingress_init (FunnelIngress *self)
{
  self->claims = g_ptr_array_new_with_free_func ((GDestroyNotify)funnel_link_claim_free);
  self->reason = g_strdup ("");
  self->next_step = g_strdup ("");
  self->passed_over = g_new0 (char *, 1);
  self->tunnel = g_strdup ("");
  self->engine = g_strdup ("");
  self->grants_variant
      = g_variant_ref_sink (g_variant_new_array (G_VARIANT_TYPE ("{saq}"), NULL, 0));
  self->refusals = g_variant_ref_sink (g_variant_new_array (G_VARIANT_TYPE ("{st}"), NULL, 0));
}

FunnelIngressSpec *
funnel_ingress_spec_new (void)
{
  FunnelIngressSpec *spec = g_new0 (FunnelIngressSpec, 1);

  spec->public_ports = g_array_new (FALSE, FALSE, sizeof (guint16));
  spec->names = g_new0 (char *, 1);
  spec->tunnel = g_strdup ("auto");
  return spec;
}

FunnelIngressSpec *
funnel_ingress_spec_copy (const FunnelIngressSpec *spec)
{
  FunnelIngressSpec *copy = g_new (FunnelIngressSpec, 1);

  *copy = *spec;
  copy->host = g_strdup (spec->host);
  copy->node = g_strdup (spec->node);
  copy->zone = g_strdup (spec->zone);
  copy->names = g_strdupv (spec->names);
  copy->public_ports = g_array_copy (spec->public_ports);
  copy->address = g_strdup (spec->address);
  copy->ingress_address = g_strdup (spec->ingress_address);
  copy->ingress_public_key = g_strdup (spec->ingress_public_key);
  copy->endpoint_host = g_strdup (spec->endpoint_host);
  copy->private_key = g_strdup (spec->private_key);
  copy->key_hash = g_strdup (spec->key_hash);
  copy->tunnel = g_strdup (spec->tunnel);
  return copy;
}

void
funnel_ingress_spec_free (FunnelIngressSpec *spec)
{
  if (spec == NULL)
    return;
  g_free (spec->host);
  g_free (spec->node);
  g_free (spec->zone);
  g_strfreev (spec->names);
  g_array_unref (spec->public_ports);
  g_free (spec->address);
  g_free (spec->ingress_address);
  g_free (spec->ingress_public_key);
  g_free (spec->endpoint_host);
  funnel_secret_free (spec->private_key);
  g_free (spec->key_hash);
  g_free (spec->tunnel);
  g_free (spec);
}

const char *
funnel_ingress_state_text (FunnelIngressState state)
{
  g_return_val_if_fail ((guint)state < G_N_ELEMENTS (state_texts), "tunnel-down");
  return state_texts[state];
}

FunnelIngress *
funnel_ingress_new (const FunnelIngressSpec *spec)
{
  FunnelIngress *self = g_object_new (FUNNEL_TYPE_INGRESS, NULL);

  self->spec = funnel_ingress_spec_copy (spec);
  return self;
}

const FunnelIngressSpec *
funnel_ingress_get_spec (FunnelIngress *self)
{
  return self->spec;
}

static gboolean
replace_text (char **member, const char *text)
{
  if (g_strcmp0 (*member, text) == 0)
    return FALSE;
  g_free (*member);
  *member = g_strdup (text);
  return TRUE;
}

static gboolean
same_ports (const GArray *a, const GArray *b)
{
  return a->len == b->len
         && (a->len == 0 || memcmp (a->data, b->data, a->len * sizeof (guint16)) == 0);
}

gboolean
funnel_ingress_welcome (FunnelIngress *self,
                        const char *node,
                        const char *zone,
                        const GArray *public_ports)
{
  gboolean node_changed = replace_text (&self->spec->node, node);
  gboolean zone_changed = replace_text (&self->spec->zone, zone);
  gboolean ports_changed = !same_ports (self->spec->public_ports, public_ports);

  if (node_changed)
    notify (self, PROP_NODE);
  if (zone_changed)
    notify (self, PROP_ZONE);
  if (ports_changed)
    {
      g_array_unref (self->spec->public_ports);
      self->spec->public_ports = g_array_copy ((GArray *)public_ports);
      notify (self, PROP_PUBLIC_PORTS);
    }
  return node_changed || zone_changed || ports_changed;
}

void
funnel_ingress_set_grants (FunnelIngress *self, const GPtrArray *grants)
{
  GVariantBuilder builder;
  g_autoptr (GVariant) variant = NULL;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("a{saq}"));
  g_clear_pointer (&self->grants, g_ptr_array_unref);
  if (grants != NULL)
    self->grants = g_ptr_array_new_with_free_func ((GDestroyNotify)funnel_link_grant_free);
  for (guint i = 0; grants != NULL && i < grants->len; i++)
    {
      const FunnelLinkGrant *grant = g_ptr_array_index (grants, i);
      FunnelLinkGrant *copy;

      g_variant_builder_add (&builder, "{s@aq}", grant->name,
                             make_ports (grant->ports, grant->n_ports));
      copy = funnel_link_grant_new (grant->name, grant->ports, grant->n_ports, grant->expires);
      copy->below = grant->below;
      g_ptr_array_add (self->grants, copy);
    }
  variant = g_variant_ref_sink (g_variant_builder_end (&builder));
  if (g_variant_equal (variant, self->grants_variant))
    return;
  g_variant_unref (self->grants_variant);
  self->grants_variant = g_steal_pointer (&variant);
  notify (self, PROP_GRANTS);
}

const GPtrArray *
funnel_ingress_get_grants (FunnelIngress *self)
{
  return self->grants;
}

void
funnel_ingress_set_claims (FunnelIngress *self, const GPtrArray *claims)
{
  g_ptr_array_set_size (self->claims, 0);
  for (guint i = 0; claims != NULL && i < claims->len; i++)
    g_ptr_array_add (self->claims, funnel_link_claim_copy (g_ptr_array_index (claims, i)));
}

const FunnelLinkClaim *
funnel_ingress_find_claim (FunnelIngress *self, const char *name)
{
  for (guint i = 0; i < self->claims->len; i++)
    {
      const FunnelLinkClaim *claim = g_ptr_array_index (self->claims, i);

      if (g_str_equal (claim->name, name))
        return claim;
    }
  return NULL;
}

void
funnel_ingress_set_state (FunnelIngress *self, FunnelIngressState state, const char *reason)
{
  g_object_freeze_notify (G_OBJECT (self));
  if (self->state != state)
    {
      self->state = state;
      if (state == FUNNEL_INGRESS_TUNNEL_DOWN)
        self->up_since = 0;
      else if (self->up_since == 0)
        self->up_since = g_get_monotonic_time () / G_USEC_PER_SEC;
      notify (self, PROP_STATE);
    }
  if (replace_text (&self->reason, reason != NULL ? reason : ""))
    notify (self, PROP_REASON);
  g_object_thaw_notify (G_OBJECT (self));
}

gint64
funnel_ingress_get_tunnel_age (FunnelIngress *self)
{
  return self->up_since != 0 ? g_get_monotonic_time () / G_USEC_PER_SEC - self->up_since : 0;
}

FunnelIngressState
funnel_ingress_get_state (FunnelIngress *self)
{
  return self->state;
}

const char *
funnel_ingress_get_reason (FunnelIngress *self)
{
  return self->reason;
}

void
funnel_ingress_set_tunnel (FunnelIngress *self,
                           const char *tunnel,
                           const char *engine,
                           gint64 handshake,
                           guint mtu)
{
  g_object_freeze_notify (G_OBJECT (self));
  if (replace_text (&self->tunnel, tunnel))
    notify (self, PROP_TUNNEL);
  if (replace_text (&self->engine, engine))
    notify (self, PROP_ENGINE);
  if (self->handshake != handshake)
    {
      self->handshake = handshake;
      notify (self, PROP_HANDSHAKE);
    }
  if (self->mtu != mtu)
    {
      self->mtu = mtu;
      notify (self, PROP_MTU);
    }
  g_object_thaw_notify (G_OBJECT (self));
}

void
funnel_ingress_set_round_trip (FunnelIngress *self, guint microseconds)
{
  guint step = MAX (self->round_trip / 4, ROUND_TRIP_STEP_US);
  gboolean near = microseconds < self->round_trip + step && microseconds + step > self->round_trip;

  if (self->round_trip == microseconds || (near && self->round_trip != 0 && microseconds != 0))
    return;
  self->round_trip = microseconds;
  notify (self, PROP_ROUND_TRIP);
}

void
funnel_ingress_set_passed_over (FunnelIngress *self, const char *const *passed_over)
{
  if (g_strv_equal (passed_over, (const char *const *)self->passed_over))
    return;
  g_strfreev (self->passed_over);
  self->passed_over = g_strdupv ((char **)passed_over);
  notify (self, PROP_TUNNEL_PASSED_OVER);
}

void
funnel_ingress_set_tunnel_choice (FunnelIngress *self, const char *choice)
{
  if (replace_text (&self->spec->tunnel, choice))
    notify (self, PROP_TUNNEL_CHOICE);
}

gboolean
funnel_ingress_set_tunnel_off (FunnelIngress *self, gboolean off)
{
  gboolean differs = self->spec->tunnel_off != off;

  self->spec->tunnel_off = off;
  return differs;
}

void
funnel_ingress_set_next_step (FunnelIngress *self, const char *next_step)
{
  if (replace_text (&self->next_step, next_step))
    notify (self, PROP_NEXT_STEP);
}

const char *
funnel_ingress_get_next_step (FunnelIngress *self)
{
  return self->next_step;
}

void
funnel_ingress_set_refusals (FunnelIngress *self, GVariant *refusals)
{
  g_autoptr (GVariant) taken = g_variant_ref_sink (refusals);

  if (g_variant_equal (self->refusals, taken))
    return;
  g_variant_unref (self->refusals);
  self->refusals = g_steal_pointer (&taken);
  notify (self, PROP_REFUSALS);
}

gboolean
funnel_ingress_knows_name (FunnelIngress *self, const char *name)
{
  for (guint i = 0; self->grants != NULL && i < self->grants->len; i++)
    {
      const FunnelLinkGrant *grant = g_ptr_array_index (self->grants, i);

      if (funnel_link_grant_covers (grant, name))
        return TRUE;
    }
  return g_strv_contains ((const char *const *)self->spec->names, name)
         || funnel_host_is_within (name, self->spec->zone);
}

char *
funnel_ingress_dup_default_name (FunnelIngress *self)
{
  if (self->grants != NULL && self->grants->len > 0)
    return g_strdup (((const FunnelLinkGrant *)g_ptr_array_index (self->grants, 0))->name);
  if (self->spec->names[0] != NULL)
    return g_strdup (self->spec->names[0]);
  return g_strconcat (self->spec->node, ".", self->spec->zone, NULL);
}

gboolean
funnel_ingress_check_port (FunnelIngress *self, guint16 port, GError **error)
{
  const GArray *ports = self->spec->public_ports;
  g_autoptr (GString) list = g_string_new (NULL);

  for (guint i = 0; i < ports->len; i++)
    {
      guint16 open = g_array_index (ports, guint16, i);

      if (open == port)
        return TRUE;
      g_string_append_printf (list, "%s%u", i > 0 ? ", " : "", open);
    }
  g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT,
               N_ ("port %u is not allowed for funnel; allowed ports are: %s"), port,
               list->len > 0 ? list->str : "none");
  return FALSE;
}
