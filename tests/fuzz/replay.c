/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Feeds a fuzz target every file in the folders (or the files) named on its command line. Each is
 * given in memory of exactly its size, so that a sanitizer sees a read beyond. */
#include "tests/fuzz/fuzz.h"

#include <dirent.h>
#include <string.h>
#include <sys/stat.h>

#define INPUT_MAX (1 << 20)

static unsigned replayed;

static void
replay_file (const char *path)
{
  FILE *file = fopen (path, "rb");
  uint8_t *data = malloc (INPUT_MAX);
  uint8_t *exact;
  size_t len;

  REQUIRE (file != NULL && data != NULL);
  len = fread (data, 1, INPUT_MAX, file);
  fclose (file);
  exact = malloc (len > 0 ? len : 1);
  REQUIRE (exact != NULL);
  memcpy (exact, data, len);
  free (data);
  printf ("# %s\n", path);
  fflush (stdout);
  LLVMFuzzerTestOneInput (exact, len);
  free (exact);
  replayed++;
}

static void
replay_path (const char *path)
{
  struct stat status;
  struct dirent *entry;
  DIR *folder;

  REQUIRE (stat (path, &status) == 0);
  if (!S_ISDIR (status.st_mode))
    {
      replay_file (path);
      return;
    }
  folder = opendir (path);
  REQUIRE (folder != NULL);
  while ((entry = readdir (folder)) != NULL)
    {
      char *child = NULL;

      if (entry->d_name[0] == '.')
        continue;
      REQUIRE (asprintf (&child, "%s/%s", path, entry->d_name) > 0);
      replay_path (child);
      free (child);
    }
  closedir (folder);
}

int
main (int argc, char **argv)
{
  for (int i = 1; i < argc; i++)
    replay_path (argv[i]);
  printf ("%u inputs\n", replayed);
  return replayed > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
