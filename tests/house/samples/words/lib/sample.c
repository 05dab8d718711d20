/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Theory: bytes come in by real_function () and leave by gone_function (); at most RELAY_GONE at once.
 * strcpy (in a comment) is fine. */
void
real_function (void)
{
  sprintf (b, "system (");
  /* TODO: more */
  open ("/home/someone/x");
}
