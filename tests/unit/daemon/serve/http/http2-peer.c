/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "tests/unit/daemon/serve/http/http2-peer.h"

#include <string.h>

struct _PeerUpload
{
  GByteArray *data;
  gsize at;
  gboolean ended;
  char *trailer_name, *trailer_value;
};

static void
upload_free (PeerUpload *upload)
{
  g_byte_array_unref (upload->data);
  g_free (upload->trailer_name);
  g_free (upload->trailer_value);
  g_free (upload);
}

static void
stream_free (PeerStream *stream)
{
  g_clear_pointer (&stream->upload, upload_free);
  g_string_free (stream->informed, TRUE);
  g_string_free (stream->head, TRUE);
  g_string_free (stream->body, TRUE);
  g_string_free (stream->trailers, TRUE);
  g_free (stream);
}

static PeerStream *
find (Peer *peer, gint32 id)
{
  for (guint i = 0; i < peer->streams->len; i++)
    {
      PeerStream *stream = g_ptr_array_index (peer->streams, i);

      if (stream->id == id)
        return stream;
    }
  return NULL;
}

static int
on_header (nghttp2_session *ng,
           const nghttp2_frame *frame,
           const uint8_t *name,
           size_t name_len,
           const uint8_t *value,
           size_t value_len,
           uint8_t flags,
           void *data)
{
  PeerStream *stream = find (data, frame->hd.stream_id);

  if (name_len == 7 && memcmp (name, ":status", 7) == 0)
    {
      guint status = (guint)g_ascii_strtoull ((const char *)value, NULL, 10);

      if (status >= 200)
        stream->status = status;
      else
        g_string_append_printf (stream->informed, "%u ", status);
      stream->headed = status >= 200;
    }
  else
    g_string_append_printf (stream->body->len > 0 || frame->headers.cat == NGHTTP2_HCAT_HEADERS
                                ? stream->trailers
                                : stream->head,
                            "%s: %s\n", (const char *)name, (const char *)value);
  return 0;
}

static int
on_data (nghttp2_session *ng,
         uint8_t flags,
         int32_t id,
         const uint8_t *bytes,
         size_t len,
         void *data)
{
  g_string_append_len (find (data, id)->body, (const char *)bytes, (gssize)len);
  return 0;
}

static int
on_frame (nghttp2_session *ng, const nghttp2_frame *frame, void *data)
{
  Peer *peer = data;
  PeerStream *stream = find (peer, frame->hd.stream_id);

  if (frame->hd.type == NGHTTP2_GOAWAY)
    {
      peer->goaway = TRUE;
      peer->goaway_error = frame->goaway.error_code;
    }
  if (stream != NULL && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0)
    stream->ended = TRUE;
  return 0;
}

static int
on_close (nghttp2_session *ng, int32_t id, uint32_t error, void *data)
{
  PeerStream *stream = find (data, id);

  if (stream == NULL)
    return 0;
  g_clear_pointer (&stream->upload, upload_free);
  stream->closed = TRUE;
  stream->error = error;
  return 0;
}

static ssize_t
read_upload (nghttp2_session *ng,
             int32_t id,
             uint8_t *buf,
             size_t length,
             uint32_t *flags,
             nghttp2_data_source *source,
             void *data)
{
  PeerUpload *upload = source->ptr;
  gsize n = MIN (length, upload->data->len - upload->at);

  if (n == 0 && !upload->ended)
    return NGHTTP2_ERR_DEFERRED;
  memcpy (buf, upload->data->data + upload->at, n);
  upload->at += n;
  if (upload->at == upload->data->len && upload->ended)
    {
      *flags |= NGHTTP2_DATA_FLAG_EOF;
      if (upload->trailer_name != NULL)
        {
          const nghttp2_nv nv = {.name = (uint8_t *)upload->trailer_name,
                                 .namelen = strlen (upload->trailer_name),
                                 .value = (uint8_t *)upload->trailer_value,
                                 .valuelen = strlen (upload->trailer_value)};

          *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
          nghttp2_submit_trailer (ng, id, &nv, 1);
        }
    }
  return (ssize_t)n;
}

static void
begin_client (Peer *peer, guint window)
{
  nghttp2_session_callbacks *callbacks;
  nghttp2_option *option;
  nghttp2_settings_entry entry = {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, window};

  g_assert_cmpint (nghttp2_session_callbacks_new (&callbacks), ==, 0);
  g_assert_cmpint (nghttp2_option_new (&option), ==, 0);
  nghttp2_session_callbacks_set_on_header_callback (callbacks, on_header);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback (callbacks, on_data);
  nghttp2_session_callbacks_set_on_frame_recv_callback (callbacks, on_frame);
  nghttp2_session_callbacks_set_on_stream_close_callback (callbacks, on_close);
  nghttp2_option_set_no_auto_window_update (option, window > 0);
  nghttp2_option_set_no_http_messaging (option, 1); /* or it would not send what we test */
  nghttp2_option_set_peer_max_concurrent_streams (option, 1000);
  g_assert_cmpint (nghttp2_session_client_new2 (&peer->ng, callbacks, peer, option), ==, 0);
  nghttp2_submit_settings (peer->ng, NGHTTP2_FLAG_NONE, &entry, window > 0 ? 1 : 0);
  nghttp2_session_callbacks_del (callbacks);
  nghttp2_option_del (option);
}

void
peer_set_up (Peer *peer, guint window, gboolean silent)
{
  memset (peer, 0, sizeof *peer);
  http_stage_set_up (&peer->stage);
  peer->streams = g_ptr_array_new_with_free_func ((GDestroyNotify)stream_free);
  peer->raw = g_byte_array_new ();
  g_assert_cmpint (http2_shared_init (&peer->shared, http_player_dispatch), ==, 0);
  g_assert_cmpint (
      http2_session_init (&peer->session, &peer->stage.loop, &peer->shared, peer->stage.flow), ==,
      0);
  peer->session.running = true;
  begin_client (peer, window);
  if (!silent)
    peer_run (peer);
}

void
peer_tear_down (Peer *peer)
{
  http2_session_clear (&peer->session);
  g_assert_cmpuint (peer->shared.streams, ==, 0);
  g_assert_cmpuint (peer->shared.large, ==, 0);
  http2_shared_clear (&peer->shared);
  nghttp2_session_del (peer->ng);
  g_ptr_array_unref (peer->streams);
  g_byte_array_unref (peer->raw);
  http_stage_tear_down (&peer->stage);
}

static PeerStream *
submit (Peer *peer, GArray *nva, gboolean has_body)
{
  PeerStream *stream = g_new0 (PeerStream, 1);
  PeerUpload *upload = g_new0 (PeerUpload, 1);
  nghttp2_data_provider provider = {.source.ptr = upload, .read_callback = read_upload};

  upload->data = g_byte_array_new ();
  stream->upload = upload;
  stream->informed = g_string_new (NULL);
  stream->head = g_string_new (NULL);
  stream->body = g_string_new (NULL);
  stream->trailers = g_string_new (NULL);
  stream->id = nghttp2_submit_request (peer->ng, NULL, (nghttp2_nv *)nva->data, nva->len,
                                       has_body ? &provider : NULL, NULL);
  g_assert_cmpint (stream->id, >, 0);
  g_ptr_array_add (peer->streams, stream);
  return stream;
}

static void
add (GArray *nva, const char *name, const char *value)
{
  nghttp2_nv nv = {.name = (uint8_t *)name,
                   .namelen = strlen (name),
                   .value = (uint8_t *)value,
                   .valuelen = strlen (value)};

  g_array_append_val (nva, nv);
}

static void
add_all (GArray *nva, va_list fields)
{
  const char *name;

  while ((name = va_arg (fields, const char *)) != NULL)
    add (nva, name, va_arg (fields, const char *));
}

PeerStream *
peer_request (Peer *peer, const char *method, const char *path, gboolean has_body, ...)
{
  g_autoptr (GArray) nva = g_array_new (FALSE, FALSE, sizeof (nghttp2_nv));
  va_list fields;

  add (nva, ":method", method);
  add (nva, ":scheme", "https");
  add (nva, ":authority", "laptop.example.org");
  add (nva, ":path", path);
  va_start (fields, has_body);
  add_all (nva, fields);
  va_end (fields);
  return submit (peer, nva, has_body);
}

PeerStream *
peer_request_bare (Peer *peer, gboolean has_body, ...)
{
  g_autoptr (GArray) nva = g_array_new (FALSE, FALSE, sizeof (nghttp2_nv));
  va_list fields;

  va_start (fields, has_body);
  add_all (nva, fields);
  va_end (fields);
  return submit (peer, nva, has_body);
}

void
peer_send (Peer *peer, PeerStream *stream, const void *data, gsize len, gboolean end)
{
  PeerUpload *upload = stream->upload;

  if (upload == NULL)
    return; /* closed meanwhile */
  g_byte_array_append (upload->data, data, (guint)len);
  upload->ended = end;
  nghttp2_session_resume_data (peer->ng, stream->id);
}

void
peer_send_trailers (Peer *peer, PeerStream *stream, const char *name, const char *value)
{
  PeerUpload *upload = stream->upload;

  upload->trailer_name = g_strdup (name);
  upload->trailer_value = g_strdup (value);
  upload->ended = TRUE;
  nghttp2_session_resume_data (peer->ng, stream->id);
}

void
peer_frame (Peer *peer, guint8 type, guint8 flags, guint32 id, const void *payload, gsize len)
{
  const guint8 head[9]
      = {(guint8)(len >> 16), (guint8)(len >> 8), (guint8)len,       type,      flags,
         (guint8)(id >> 24),  (guint8)(id >> 16), (guint8)(id >> 8), (guint8)id};

  g_byte_array_append (peer->raw, head, sizeof head);
  if (len > 0)
    g_byte_array_append (peer->raw, payload, (guint)len);
}

static gboolean
carry_up (Peer *peer)
{
  const uint8_t *data;
  ssize_t n = nghttp2_session_mem_send (peer->ng, &data);

  g_assert_cmpint (n, >=, 0);
  if (n > 0)
    http2_session_receive (&peer->session, data, (size_t)n);
  if (n == 0 && peer->raw->len > 0)
    {
      http2_session_receive (&peer->session, peer->raw->data, peer->raw->len);
      g_byte_array_set_size (peer->raw, 0);
      return TRUE;
    }
  return n > 0;
}

static gboolean
carry_down (Peer *peer)
{
  struct serve_buffer *out;
  size_t n;

  if (peer->paused)
    return FALSE;
  out = serve_buffer_get (&peer->stage.loop.buffers);
  n = http2_session_send (&peer->session, out);
  peer->out_bytes += n;
  if (n > 0)
    nghttp2_session_mem_recv (peer->ng, out->data, n); /* our raw frames may surprise it */
  serve_buffer_put (&peer->stage.loop.buffers, &out);
  return n > 0;
}

void
peer_run (Peer *peer)
{
  gboolean moved;

  do
    {
      moved = peer->session.fault == 0 && carry_up (peer);
      http2_session_run_ready (&peer->session);
      moved |= carry_down (peer);
    }
  while (moved || (!peer->paused && !TAILQ_EMPTY (&peer->session.ready)));
}
