/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Mounts that lead to files. Theory of operation.
 *
 * Finding and opening a file may take as long as a disk or a network does, so a worker does it
 * (file-open.h) and the request waits. Its bytes are then read on the serve thread, straight into
 * the visitor side's buffer, but only as far as the system has them in memory (RWF_NOWAIT). What it
 * does not have, a worker reads into a buffer of ours, and the answer goes on when it is there;
 * reading it makes the system read ahead, so a file that is read in order soon is in memory again.
 * File systems without RWF_NOWAIT are read by workers only.
 *
 *   state            next
 *   job under way    done → respond, or more bytes; cancelled: the job keeps what it works with
 *   sending          no room → writable; nothing in memory → a job; all sent → finish
 *
 * An answer holds a descriptor from the opening on and, while bytes of a worker wait, one buffer.
 * It lies in the exchange's arena. A file that shrinks while it is sent cannot be completed: the
 * answer is cut so that the visitor sees it. One that grows is sent as long as it was.
 *
 * Validators. The entity tag is made of time, size and inode. It is weak, and so is the date, for a
 * file changed less than SETTLED_S ago: it might change again without its time telling. */

#include "daemon/serve/http/file-open.h"
#include "daemon/serve/http/fixed-answer.h"
#include "daemon/serve/http/http-conditions.h"
#include "daemon/serve/http/http-date.h"
#include "daemon/serve/http/http-ranges.h"
#include "daemon/serve/serve-work.h"

#include <errno.h>
#include <gnutls/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#define WORKERS 4u
#define JOBS_MAX 8192u /* one per exchange */
#define PAGES_MAX 32u  /* listings being sent at once */
#define SETTLED_S 2
#define RETRY_AFTER_S 2u
#define BOUNDARY_LEN 24u
#define PART_HEAD_MAX (FILE_TYPE_SIZE + 160u)

/* Finds a file, or reads from one. The first part is the worker's while it runs. */
struct file_job
{
  struct serve_job job;
  struct file_question question;
  struct file_found found;
  int fd;                      /* reading: the answer's, or ours once the visitor has gone */
  struct serve_buffer *buffer; /* reading */
  uint64_t at;
  size_t wanted;
  ssize_t got; /* or -errno */

  struct http_exchange *x; /* NULL: the visitor has gone */
};

struct file_answer
{
  struct file_job *job; /* under way */
  struct file_found file;
  struct serve_buffer *ahead; /* read by a worker, not sent yet */
  bool workers_only;
  uint64_t at, left; /* of the present range */

  struct http_range ranges[HTTP_RANGES_MAX];
  uint32_t range_count, range_next;
  bool is_multipart;
  char boundary[BOUNDARY_LEN + 1];
  char part[PART_HEAD_MAX]; /* text in front of the present range, or behind the last one */
  uint32_t part_at, part_len;
  bool is_ended; /* that text is the last */
  size_t page_at;
};

static void send_more (struct http_exchange *x);

/* --- letting go --- */

static void
job_free (struct file_job *job)
{
  file_found_clear (&job->found);
  free (job->question.root);
  free (job->question.name);
  free (job);
}

static void
release (struct http_exchange *x)
{
  struct file_answer *answer = x->answer;

  if (answer->file.page != NULL)
    x->loop->file_pages--;
  file_found_clear (&answer->file);
  serve_buffer_put (&x->loop->buffers, &answer->ahead);
}

/* What a job works with stays until it is done. */
static void
cancel (struct http_exchange *x)
{
  struct file_answer *answer = x->answer;

  if (answer->job != NULL)
    {
      answer->job->x = NULL;
      if (answer->job->buffer != NULL)
        answer->file.fd = -1;
    }
  answer->job = NULL;
  release (x);
}

static void
cut (struct http_exchange *x)
{
  release (x);
  http_exchange_abort (x);
}

static int
submit (struct http_exchange *x, struct file_job *job)
{
  struct file_answer *answer = x->answer;
  struct serve_work *work = serve_work_get (x->loop, &x->loop->file_work, WORKERS, JOBS_MAX);
  int result = work != NULL ? serve_work_submit (work, &job->job) : -ENOMEM;

  if (result < 0)
    return result;
  job->x = x;
  answer->job = job;
  return 0;
}

/* --- reading by a worker --- */

static void
run_read (struct serve_job *base)
{
  struct file_job *job = (struct file_job *)base;

  do
    job->got = pread (job->fd, job->buffer->data, job->wanted, (off_t)job->at);
  while (job->got < 0 && errno == EINTR);
  if (job->got < 0)
    job->got = -errno;
}

static void
finish_read (struct serve_loop *loop, struct serve_job *base)
{
  struct file_job *job = (struct file_job *)base;
  struct http_exchange *x = job->x;
  struct file_answer *answer = x != NULL ? x->answer : NULL;

  if (answer == NULL)
    {
      close (job->fd);
      serve_buffer_put (&loop->buffers, &job->buffer);
      job_free (job);
      return;
    }
  answer->job = NULL;
  answer->ahead = job->buffer;
  answer->ahead->start = 0;
  answer->ahead->end = job->got > 0 ? (uint32_t)job->got : 0;
  job_free (job);
  if (answer->ahead->end == 0)
    cut (x); /* the file has shrunk, or cannot be read */
  else
    send_more (x);
}

static int
start_read (struct http_exchange *x)
{
  struct file_answer *answer = x->answer;
  struct file_job *job = calloc (1, sizeof *job);

  if (job == NULL)
    return -ENOMEM;
  job->job.run = run_read;
  job->job.done = finish_read;
  job->found.fd = -1;
  job->fd = answer->file.fd;
  job->at = answer->at;
  job->wanted = answer->left < SERVE_BUFFER_SIZE ? (size_t)answer->left : SERVE_BUFFER_SIZE;
  job->buffer = serve_buffer_get (&x->loop->buffers);
  if (job->buffer != NULL && submit (x, job) == 0)
    return 0;
  serve_buffer_put (&x->loop->buffers, &job->buffer);
  job_free (job);
  return -ENOMEM;
}

/* --- sending --- */

enum step
{
  STEP_ON,   /* something was sent */
  STEP_WAIT, /* for room, or for a worker */
  STEP_CUT,
};

static enum step
send_ahead (struct http_exchange *x)
{
  struct file_answer *answer = x->answer;
  struct serve_buffer *ahead = answer->ahead;
  size_t n = http_exchange_write (x, ahead->data + ahead->start, serve_buffer_len (ahead));

  ahead->start += (uint32_t)n;
  answer->at += n;
  answer->left -= n;
  if (serve_buffer_len (ahead) > 0)
    return STEP_WAIT;
  serve_buffer_put (&x->loop->buffers, &answer->ahead);
  return STEP_ON;
}

static enum step
wait_for_worker (struct http_exchange *x)
{
  return start_read (x) < 0 ? STEP_CUT : STEP_WAIT;
}

static enum step
send_from_memory (struct http_exchange *x)
{
  struct file_answer *answer = x->answer;
  struct iovec to;
  ssize_t n;

  to.iov_base = http_exchange_reserve (x, &to.iov_len);
  if (to.iov_base == NULL)
    return STEP_WAIT;
  if (to.iov_len > answer->left)
    to.iov_len = (size_t)answer->left;
  do
    n = preadv2 (answer->file.fd, &to, 1, (off_t)answer->at, RWF_NOWAIT);
  while (n < 0 && errno == EINTR);
  http_exchange_commit (x, n > 0 ? (size_t)n : 0);
  if (n > 0)
    {
      answer->at += (uint64_t)n;
      answer->left -= (uint64_t)n;
      return STEP_ON;
    }
  if (n == 0)
    return STEP_CUT; /* the file has shrunk */
  if (errno == EOPNOTSUPP)
    answer->workers_only = true;
  return errno == EOPNOTSUPP || errno == EAGAIN ? wait_for_worker (x) : STEP_CUT;
}

static enum step
send_part (struct http_exchange *x)
{
  struct file_answer *answer = x->answer;

  answer->part_at += (uint32_t)http_exchange_write (x, answer->part + answer->part_at,
                                                    answer->part_len - answer->part_at);
  return answer->part_at < answer->part_len ? STEP_WAIT : STEP_ON;
}

static uint32_t
print_part (const struct file_answer *answer, const struct http_range *range, char *out)
{
  int n = snprintf (out, PART_HEAD_MAX,
                    "\r\n--%s\r\nContent-Type: %s\r\nContent-Range: bytes %llu-%llu/%llu\r\n\r\n",
                    answer->boundary, answer->file.type, (unsigned long long)range->first,
                    (unsigned long long)range->last, (unsigned long long)answer->file.size);

  return (uint32_t)n;
}

static uint32_t
print_last_part (const struct file_answer *answer, char *out)
{
  return (uint32_t)snprintf (out, PART_HEAD_MAX, "\r\n--%s--\r\n", answer->boundary);
}

/* Sets out for the next range, or the text behind the last. False at the end of all. */
static bool
next_range (struct file_answer *answer)
{
  const struct http_range *range = &answer->ranges[answer->range_next];

  answer->part_at = answer->part_len = 0;
  if (answer->range_next < answer->range_count)
    {
      answer->at = range->first;
      answer->left = range->last - range->first + 1;
      answer->range_next++;
      if (answer->is_multipart)
        answer->part_len = print_part (answer, range, answer->part);
      return true;
    }
  if (!answer->is_multipart || answer->is_ended)
    return false;
  answer->is_ended = true;
  answer->part_len = print_last_part (answer, answer->part);
  return true;
}

static void
send_more (struct http_exchange *x)
{
  struct file_answer *answer = x->answer;
  enum step step = STEP_ON;

  if (answer->job != NULL)
    return;
  while (step == STEP_ON)
    {
      if (answer->part_at < answer->part_len)
        step = send_part (x);
      else if (serve_buffer_len (answer->ahead) > 0)
        step = send_ahead (x);
      else if (answer->left > 0)
        step = answer->workers_only ? wait_for_worker (x) : send_from_memory (x);
      else if (!next_range (answer))
        {
          release (x);
          http_exchange_finish (x, NULL);
          return;
        }
    }
  if (step == STEP_CUT)
    cut (x);
}

static void
send_page (struct http_exchange *x)
{
  struct file_answer *answer = x->answer;

  answer->page_at += http_exchange_write (x, answer->file.page + answer->page_at,
                                          answer->file.page_len - answer->page_at);
  if (answer->page_at < answer->file.page_len && !x->request.is_head)
    return;
  release (x);
  http_exchange_finish (x, NULL);
}

static void
on_writable (struct http_exchange *x)
{
  struct file_answer *answer = x->answer;

  if (answer->file.page != NULL)
    send_page (x);
  else if (x->state == HTTP_STATE_BODY)
    send_more (x);
}

/* --- the head --- */

static void
refuse (struct http_exchange *x, uint16_t status, const struct http_fields *fields)
{
  release (x);
  x->answer = NULL;
  http_answer_error_with (x, status, fields, NULL);
}

static void
make_validators (const struct file_found *file, struct http_validators *out)
{
  out->now = serve_wall_seconds ();
  out->modified = file->modified.tv_sec;
  snprintf (out->etag, sizeof out->etag, "%s\"%llx.%lx-%llx-%llx\"",
            out->modified + SETTLED_S > out->now ? "W/" : "",
            (unsigned long long)file->modified.tv_sec, (unsigned long)file->modified.tv_nsec,
            (unsigned long long)file->size, (unsigned long long)file->inode);
  /* A date in the future would be one that nobody can have seen (RFC 9110 8.8.2.1). */
  if (out->modified > out->now)
    out->modified = out->now;
}

static void
add_text (struct http_fields *fields, enum http_name name, const char *value)
{
  http_fields_add_known (fields, name, (struct http_text) {value, (uint32_t)strlen (value)});
}

static void
respond (struct http_exchange *x, uint16_t status, uint64_t length, struct http_fields *fields)
{
  struct http_response response
      = {.status = status, .content_length = (int64_t)length, .fields = fields};

  http_exchange_respond (x, &response);
  if (http_response_has_body (x, status))
    {
      send_more (x);
      return;
    }
  release (x);
  http_exchange_finish (x, NULL);
}

/* 206 with one range: the type is the file's. */
static void
respond_range (struct http_exchange *x, struct http_fields *fields)
{
  struct file_answer *answer = x->answer;
  const struct http_range *range = &answer->ranges[0];
  char content_range[80];

  snprintf (content_range, sizeof content_range, "bytes %llu-%llu/%llu",
            (unsigned long long)range->first, (unsigned long long)range->last,
            (unsigned long long)answer->file.size);
  http_fields_add (fields, HTTP_TEXT ("Content-Range"),
                   (struct http_text) {content_range, (uint32_t)strlen (content_range)});
  add_text (fields, HTTP_NAME_CONTENT_TYPE, answer->file.type);
  respond (x, 206, range->last - range->first + 1, fields);
}

static void
respond_multipart (struct http_exchange *x, struct http_fields *fields)
{
  struct file_answer *answer = x->answer;
  char type[64 + BOUNDARY_LEN], scratch[PART_HEAD_MAX];
  uint8_t random[BOUNDARY_LEN / 2];
  uint64_t length = 0;

  gnutls_rnd (GNUTLS_RND_NONCE, random, sizeof random);
  for (uint32_t i = 0; i < sizeof random; i++)
    snprintf (answer->boundary + (size_t)i * 2, 3, "%02x", random[i]);
  answer->is_multipart = true;
  for (uint32_t i = 0; i < answer->range_count; i++)
    length += print_part (answer, &answer->ranges[i], scratch)
              + (answer->ranges[i].last - answer->ranges[i].first + 1);
  length += print_last_part (answer, scratch);
  snprintf (type, sizeof type, "multipart/byteranges; boundary=%s", answer->boundary);
  add_text (fields, HTTP_NAME_CONTENT_TYPE, type);
  respond (x, 206, length, fields);
}

/* What Range asks for, if it is to be honoured. */
static enum http_ranges_result
find_ranges (struct http_exchange *x, const struct http_validators *validators)
{
  struct file_answer *answer = x->answer;
  const struct http_field *range = http_fields_find (&x->request.fields, HTTP_NAME_RANGE);

  if (range == NULL || x->request.is_head
      || http_fields_count (&x->request.fields, HTTP_NAME_RANGE) != 1
      || !http_conditions_range_applies (&x->request.fields, validators))
    return HTTP_RANGES_IGNORE;
  return http_ranges_parse (http_field_value (range), answer->file.size, answer->ranges,
                            &answer->range_count);
}

static void
refuse_range (struct http_exchange *x)
{
  struct file_answer *answer = x->answer;
  struct http_fields fields = {.count = 0};
  char value[40];

  snprintf (value, sizeof value, "bytes */%llu", (unsigned long long)answer->file.size);
  http_fields_add (&fields, HTTP_TEXT ("Content-Range"),
                   (struct http_text) {value, (uint32_t)strlen (value)});
  refuse (x, 416, &fields);
}

static void
respond_whole (struct http_exchange *x, struct http_fields *fields)
{
  struct file_answer *answer = x->answer;

  answer->range_count = answer->file.size > 0 ? 1 : 0;
  answer->ranges[0] = (struct http_range) {0, answer->file.size - 1};
  add_text (fields, HTTP_NAME_CONTENT_TYPE, answer->file.type);
  respond (x, 200, answer->file.size, fields);
}

static void
answer_file (struct http_exchange *x)
{
  struct file_answer *answer = x->answer;
  struct http_fields fields = {.count = 0};
  struct http_validators validators;
  char date[HTTP_DATE_SIZE];
  enum http_condition condition;
  enum http_ranges_result ranges;

  make_validators (&answer->file, &validators);
  add_text (&fields, HTTP_NAME_ETAG, validators.etag);
  http_fields_add_known (&fields, HTTP_NAME_LAST_MODIFIED,
                         http_date_print (validators.modified, date));
  http_fields_add_known (&fields, HTTP_NAME_ACCEPT_RANGES, HTTP_TEXT ("bytes"));
  http_fields_add (&fields, HTTP_TEXT ("X-Content-Type-Options"), HTTP_TEXT ("nosniff"));
  condition = http_conditions_judge (&x->request.fields, &validators);
  if (condition == HTTP_CONDITION_FAILED)
    {
      refuse (x, 412, NULL);
      return;
    }
  if (condition == HTTP_CONDITION_NOT_MODIFIED)
    {
      respond (x, 304, answer->file.size, &fields);
      return;
    }
  ranges = find_ranges (x, &validators);
  if (ranges == HTTP_RANGES_UNSATISFIABLE)
    refuse_range (x);
  else if (ranges == HTTP_RANGES_IGNORE)
    respond_whole (x, &fields);
  else if (answer->range_count == 1)
    respond_range (x, &fields);
  else
    respond_multipart (x, &fields);
}

static void
answer_listing (struct http_exchange *x)
{
  struct file_answer *answer = x->answer;
  struct http_fields fields = {.count = 0};
  struct http_response response
      = {.status = 200, .content_length = (int64_t)answer->file.page_len, .fields = &fields};

  x->loop->file_pages++;
  if (x->loop->file_pages > PAGES_MAX)
    {
      release (x);
      x->answer = NULL;
      http_answer_error (x, 503, RETRY_AFTER_S, NULL);
      return;
    }
  http_fields_add_known (&fields, HTTP_NAME_CONTENT_TYPE, HTTP_TEXT ("text/html; charset=utf-8"));
  http_fields_add_known (&fields, HTTP_NAME_CACHE_CONTROL, HTTP_TEXT ("no-cache"));
  http_fields_add (&fields, HTTP_TEXT ("X-Content-Type-Options"), HTTP_TEXT ("nosniff"));
  http_fields_add (&fields, HTTP_TEXT ("Content-Security-Policy"),
                   HTTP_TEXT ("default-src 'none'"));
  http_exchange_respond (x, &response);
  send_page (x);
}

static void
answer_slash (struct http_exchange *x)
{
  struct http_fields fields = {.count = 0};
  struct http_text location = fixed_answer_path (x, "/");

  if (location.data != NULL)
    http_fields_add_known (&fields, HTTP_NAME_LOCATION, location);
  refuse (x, location.data != NULL ? 301 : 414, &fields);
}

static void
answer_found (struct http_exchange *x)
{
  struct file_answer *answer = x->answer;

  switch (answer->file.outcome)
    {
    case FILE_FOUND:
      answer_file (x);
      break;
    case FILE_LISTED:
      answer_listing (x);
      break;
    case FILE_SLASH:
      answer_slash (x);
      break;
    case FILE_NOT_FOUND:
      refuse (x, 404, NULL);
      break;
    case FILE_FORBIDDEN:
      refuse (x, 403, NULL);
      break;
    case FILE_BUSY:
      refuse (x, 503, NULL);
      break;
    case FILE_FAILED:
      refuse (x, 500, NULL);
      break;
    }
}

/* --- finding --- */

static void
run_open (struct serve_job *base)
{
  struct file_job *job = (struct file_job *)base;

  file_open (&job->question, &job->found);
}

static void
finish_open (struct serve_loop *loop, struct serve_job *base)
{
  struct file_job *job = (struct file_job *)base;
  struct http_exchange *x = job->x;

  if (x != NULL)
    {
      struct file_answer *answer = x->answer;

      answer->job = NULL;
      answer->file = job->found;
      job->found = (struct file_found) {.fd = -1};
    }
  job_free (job);
  if (x != NULL)
    answer_found (x);
}

/* NULL without memory, or when no such name can be asked for: *@status. */
static struct file_job *
make_open (struct http_exchange *x, uint16_t *status)
{
  const struct mount_match *match = &x->match;
  struct file_job *job = calloc (1, sizeof *job);

  *status = 503;
  if (job == NULL)
    return NULL;
  job->job.run = run_open;
  job->job.done = finish_open;
  job->found.fd = -1;
  job->question.root = strdup (x->mount->root);
  job->question.name = malloc ((size_t)match->rest.len + 1);
  job->question.listing = x->mount->listing;
  job->question.is_exact = match->rest.len == 0 || (match->prefix.len == 0 && match->rest.len == 1);
  if (job->question.root != NULL && job->question.name != NULL)
    {
      *status = 404;
      if (mount_match_decode (match, job->question.name, &job->question.is_folder)
          && !file_name_is_hidden (job->question.name))
        return job;
    }
  job_free (job);
  return NULL;
}

static void
start (struct http_exchange *x)
{
  struct file_answer *answer;
  struct file_job *job;
  uint16_t status;

  if (!fixed_answer_method (x))
    return;
  answer = http_exchange_alloc (x, sizeof *answer);
  job = answer != NULL ? make_open (x, &status) : NULL;
  if (answer == NULL)
    status = 414;
  if (job == NULL)
    {
      http_answer_error (x, status, 0, NULL);
      return;
    }
  *answer = (struct file_answer) {.file.fd = -1};
  x->answer = answer;
  if (submit (x, job) == 0)
    return;
  job_free (job);
  x->answer = NULL;
  http_answer_error (x, 503, RETRY_AFTER_S, NULL);
}

const struct http_answerer http_files = {
    .name = "files",
    .start = start,
    .writable = on_writable,
    .cancel = cancel,
};
