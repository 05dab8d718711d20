/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "lib/base/error.h"

#define BUS_PREFIX "org.openfunnel.Funnel.Error."

static const GDBusErrorEntry bus_entries[] = {
    {FUNNEL_ERROR_FAILED, BUS_PREFIX "Failed"},
    {FUNNEL_ERROR_INVALID_ARGUMENT, BUS_PREFIX "InvalidArgument"},
    {FUNNEL_ERROR_NOT_JOINED, BUS_PREFIX "NotJoined"},
    {FUNNEL_ERROR_ALREADY_JOINED, BUS_PREFIX "AlreadyJoined"},
    {FUNNEL_ERROR_TOKEN_INVALID, BUS_PREFIX "TokenInvalid"},
    {FUNNEL_ERROR_TOKEN_UNKNOWN, BUS_PREFIX "TokenUnknown"},
    {FUNNEL_ERROR_TOKEN_USED, BUS_PREFIX "TokenUsed"},
    {FUNNEL_ERROR_TOKEN_EXPIRED, BUS_PREFIX "TokenExpired"},
    {FUNNEL_ERROR_UNTRUSTED, BUS_PREFIX "Untrusted"},
    {FUNNEL_ERROR_UNREACHABLE, BUS_PREFIX "Unreachable"},
    {FUNNEL_ERROR_CONFLICT, BUS_PREFIX "Conflict"},
    {FUNNEL_ERROR_NOT_FOUND, BUS_PREFIX "NotFound"},
    {FUNNEL_ERROR_NOT_ALLOWED, BUS_PREFIX "NotAllowed"},
    {FUNNEL_ERROR_UNSUPPORTED, BUS_PREFIX "Unsupported"},
    {FUNNEL_ERROR_NOT_ISOLATED, BUS_PREFIX "NotIsolated"},
    {FUNNEL_ERROR_STORE, BUS_PREFIX "Store"},
    {FUNNEL_ERROR_PROTOCOL, BUS_PREFIX "Protocol"},
};

static const char *const code_texts[] = {
    "failed",        "invalid-argument", "not-joined",    "already-joined", "token-invalid",
    "token-unknown", "token-used",       "token-expired", "untrusted",      "unreachable",
    "conflict",      "not-found",        "not-allowed",   "unsupported",    "not-isolated",
    "store",         "protocol",
};

G_STATIC_ASSERT (G_N_ELEMENTS (bus_entries) == FUNNEL_ERROR_PROTOCOL + 1);
G_STATIC_ASSERT (G_N_ELEMENTS (code_texts) == FUNNEL_ERROR_PROTOCOL + 1);

GQuark
funnel_error_quark (void)
{
  static gsize quark;

  g_dbus_error_register_error_domain ("funnel-error-quark", &quark, bus_entries,
                                      G_N_ELEMENTS (bus_entries));
  return (GQuark)quark;
}

const char *
funnel_error_code_text (FunnelError code)
{
  if ((guint)code >= G_N_ELEMENTS (code_texts))
    return code_texts[FUNNEL_ERROR_FAILED];
  return code_texts[code];
}

FunnelError
funnel_error_code_from_text (const char *text)
{
  for (guint i = 0; text && i < G_N_ELEMENTS (code_texts); i++)
    if (g_str_equal (text, code_texts[i]))
      return (FunnelError)i;
  return FUNNEL_ERROR_FAILED;
}
