/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Who the visitor is and what was asked for is said by the node and by nobody else: fields of that
 * kind that the visitor sent are left out, also where "_" stands for "-", which servers that pass
 * fields in environment variables cannot tell apart. */

#include "daemon/serve/http/forward.h"

#include <string.h>

struct writer
{
  char *at, *end;
  bool full;
};

static void
put (struct writer *writer, struct http_text text)
{
  if ((size_t)(writer->end - writer->at) < text.len)
    {
      writer->full = true;
      return;
    }
  if (text.len > 0)
    memcpy (writer->at, text.data, text.len);
  writer->at += text.len;
}

#define PUT(writer, literal) put ((writer), HTTP_TEXT (literal))

static struct http_text
text_of (const char *string)
{
  return (struct http_text) {string, (uint32_t)strlen (string)};
}

static void
put_field (struct writer *writer, const struct http_field *field)
{
  put (writer, http_field_name (field));
  PUT (writer, ": ");
  put (writer, http_field_value (field));
  PUT (writer, "\r\n");
}

static bool
has_prefix (struct http_text name, const char *prefix)
{
  uint32_t i = 0;

  for (; i < name.len && prefix[i] != '\0'; i++)
    {
      char c = name.data[i] == '_' ? '-' : name.data[i];

      if ((c >= 'A' && c <= 'Z' ? c | 0x20 : c) != prefix[i])
        return false;
    }
  return prefix[i] == '\0';
}

bool
forward_is_ours (struct http_text name)
{
  /* The first letter settles nearly all. */
  switch (name.data[0] | 0x20)
    {
    case 'f':
      return has_prefix (name, "funnel-") || (name.len == 9 && has_prefix (name, "forwarded"));
    case 'x':
      return has_prefix (name, "x-forwarded-") || (name.len == 9 && has_prefix (name, "x-real-ip"));
    default:
      return false;
    }
}

static void
put_target (struct writer *writer, const struct http_exchange *x)
{
  size_t len = mount_match_forward (&x->match, writer->at, (size_t)(writer->end - writer->at));

  writer->full |= len == 0;
  writer->at += len;
}

static struct http_text
visitors_authority (const struct http_exchange *x)
{
  return x->request.authority.len > 0 ? x->request.authority : text_of (x->share->share->name);
}

static void
put_host (struct writer *writer, const struct http_exchange *x)
{
  const FunnelServeMount *mount = x->mount;

  PUT (writer, "Host: ");
  if (mount->host == FUNNEL_SERVE_HOST_TARGET && mount->authority != NULL)
    put (writer, text_of (mount->authority));
  else if (mount->host == FUNNEL_SERVE_HOST_NAME && mount->host_name != NULL)
    put (writer, text_of (mount->host_name));
  else
    put (writer, visitors_authority (x));
  PUT (writer, "\r\n");
}

/* RFC 7239, and what was there before it. */
static void
put_origin (struct writer *writer, const struct http_exchange *x)
{
  char ip[ADDRESS_TEXT_MAX], port[ADDRESS_PORT_MAX];
  struct http_text address = {ip, (uint32_t)address_print_ip (http_exchange_ip (x), ip)};
  bool is_v6 = http_exchange_ip (x)->family == 6;

  address_print_port (x->share->share->port, port);
  PUT (writer, "X-Forwarded-For: ");
  put (writer, address);
  PUT (writer, "\r\nX-Real-IP: ");
  put (writer, address);
  PUT (writer, "\r\nX-Forwarded-Host: ");
  put (writer, visitors_authority (x));
  PUT (writer, "\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Port: ");
  put (writer, text_of (port));
  if (is_v6)
    PUT (writer, "\r\nForwarded: for=\"[");
  else
    PUT (writer, "\r\nForwarded: for=");
  put (writer, address);
  if (is_v6)
    PUT (writer, "]\"");
  PUT (writer, ";host=\"");
  put (writer, visitors_authority (x));
  PUT (writer, "\";proto=https\r\n");
}

static bool
expects_length (struct http_text method)
{
  return http_text_is (method, HTTP_TEXT ("POST")) || http_text_is (method, HTTP_TEXT ("PUT"))
         || http_text_is (method, HTTP_TEXT ("PATCH"));
}

static void
put_framing (struct writer *writer, const struct http_exchange *x, const char *key)
{
  const struct http_request *request = &x->request;
  char number[24];

  if (request->websocket)
    {
      PUT (writer, "Connection: Upgrade\r\nUpgrade: websocket\r\n");
      if (key != NULL)
        {
          PUT (writer, "Sec-WebSocket-Key: ");
          put (writer, (struct http_text) {key, FORWARD_KEY_LEN});
          PUT (writer, "\r\n");
        }
      return;
    }
  if (request->accepts_trailers)
    PUT (writer, "Connection: TE\r\nTE: trailers\r\n");
  if (request->has_body && request->content_length < 0)
    PUT (writer, "Transfer-Encoding: chunked\r\n");
  else if (request->has_body || expects_length (request->method))
    {
      g_snprintf (number, sizeof number, "%" G_GINT64_FORMAT,
                  (gint64)(request->has_body ? request->content_length : 0));
      PUT (writer, "Content-Length: ");
      put (writer, text_of (number));
      PUT (writer, "\r\n");
    }
  if (request->expects_continue)
    PUT (writer, "Expect: 100-continue\r\n");
}

size_t
forward_head (const struct http_exchange *x, const char *key, char *out, size_t room)
{
  struct writer writer = {out, out + room, false};
  bool takes_password = x->share->share->policy.user != NULL;

  put (&writer, x->request.method);
  PUT (&writer, " ");
  put_target (&writer, x);
  PUT (&writer, " HTTP/1.1\r\n");
  put_host (&writer, x);
  for (uint32_t i = 0; i < x->request.fields.count; i++)
    {
      const struct http_field *field = &x->request.fields.items[i];

      /* The password that opened the share is none of the target's business. */
      if (takes_password && field->known == HTTP_NAME_AUTHORIZATION)
        continue;
      if (!forward_is_ours (http_field_name (field)))
        put_field (&writer, field);
    }
  put_origin (&writer, x);
  if (x->request.version == HTTP_VERSION_2)
    PUT (&writer, "Via: 2.0 funnel\r\n");
  else
    PUT (&writer, "Via: 1.1 funnel\r\n");
  put_framing (&writer, x, key);
  PUT (&writer, "\r\n");
  return writer.full ? 0 : (size_t)(writer.at - out);
}
