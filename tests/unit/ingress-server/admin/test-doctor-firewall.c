/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "ingress-server/admin/doctor-firewall.h"

#include <string.h>

static guint16 public_ports[] = {443, 8443};
static IngressConfig config
    = {.endpoint_port = 51820, .public_ports = public_ports, .n_public_ports = 2};

static const struct
{
  const char *label;
  const char *output;
  gboolean active;
  const char *advice; /* NULL: none */
} rows[] = {
    {"inactive", "Status: inactive\n", FALSE, NULL},
    {"garbage", "ufw: command not found\n", FALSE, NULL},
    {"empty", "", FALSE, NULL},
    {"all",
     "Status: active\n\nTo   Action  From\n--   ------  ----\n"
     "443/tcp        ALLOW       Anywhere\n8443  LIMIT  Anywhere\n51820   ALLOW   Anywhere\n",
     TRUE, NULL},
    {"range", "Status: active\n400:9000/tcp ALLOW Anywhere\n51000:52000 ALLOW IN Anywhere\n", TRUE,
     NULL},
    {"none", "Status: active\n", TRUE,
     "ufw allow 443/tcp\nufw allow 8443/tcp\nufw allow 51820/tcp\nufw allow 51820/udp"},
    {"no-udp", "Status: active\n400:9000/tcp ALLOW Anywhere\n51820/tcp ALLOW Anywhere\n", TRUE,
     "ufw allow 51820/udp"},
    {"denied", "Status: active\n443/tcp DENY Anywhere\n8443/tcp ALLOW Anywhere\n51820 ALLOW x\n",
     TRUE, "ufw allow 443/tcp"},
    {"profile", "Status: active\nNginx Full ALLOW Anywhere\n8443/tcp ALLOW x\n51820 ALLOW x\n",
     TRUE, "ufw allow 443/tcp"},
};

static void
test_ufw (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autofree char *advice = NULL;
      g_autofree char *text = ingress_doctor_read_ufw (rows[i].output, &config, &advice);

      g_test_message ("%s: %s", rows[i].label, text != NULL ? text : "-");
      g_assert_cmpint (text != NULL, ==, rows[i].active);
      g_assert_cmpstr (advice, ==, rows[i].advice);
    }
}

static void
test_nft (void)
{
  g_autofree char *drops = ingress_doctor_read_nft (
      "table inet filter {\n\tchain input {\n\t\ttype filter hook input priority filter; policy "
      "drop;\n\t}\n}\n",
      &config);
  g_autofree char *accepts
      = ingress_doctor_read_nft ("chain input {\n type filter hook input priority filter; policy "
                                 "accept;\n}\nchain forward {\n "
                                 "type filter hook forward priority filter; policy drop;\n}\n",
                                 &config);
  g_autofree char *empty = ingress_doctor_read_nft ("", &config);

  g_assert_nonnull (strstr (drops, "51820"));
  g_assert_null (accepts);
  g_assert_null (empty);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/doctor-firewall/ufw", test_ufw);
  g_test_add_func ("/doctor-firewall/nft", test_nft);
  return g_test_run ();
}
