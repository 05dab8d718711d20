/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "ingress-server/control/counters-page.h"

#include <sys/mman.h>
#include <sys/stat.h>

const struct relay_counters *
counters_page_map (int fd)
{
  struct stat info;
  void *page;

  if (fstat (fd, &info) < 0 || info.st_size < (off_t)RELAY_COUNTERS_SIZE)
    return NULL;
  page = mmap (NULL, RELAY_COUNTERS_SIZE, PROT_READ, MAP_SHARED, fd, 0);
  return page == MAP_FAILED ? NULL : page;
}

void
counters_page_unmap (const struct relay_counters *counters)
{
  if (counters)
    munmap ((void *)counters, RELAY_COUNTERS_SIZE);
}

guint64
counters_page_read (const guint64 *counter)
{
  return __atomic_load_n (counter, __ATOMIC_RELAXED);
}

guint32
counters_page_read32 (const guint32 *counter)
{
  return __atomic_load_n (counter, __ATOMIC_RELAXED);
}
