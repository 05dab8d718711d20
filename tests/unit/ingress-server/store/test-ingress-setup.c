/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "ingress-server/store/ingress-setup.h"

#include "lib/base/error.h"
#include "lib/base/wg-key.h"

#include <glib/gstdio.h>
#include <sys/stat.h>

static IngressConfig *
sample (const char *state_dir)
{
  static const guint16 ports[] = {443, 8443};
  IngressConfig *config = ingress_config_new ();

  config->state_dir = g_strdup (state_dir);
  config->zone = g_strdup ("example.org");
  config->endpoint_host = g_strdup ("vps.example.org");
  config->endpoint_port = 51820;
  config->public_ports = g_memdup2 (ports, sizeof ports);
  config->n_public_ports = G_N_ELEMENTS (ports);
  config->tunnel = INGRESS_TUNNEL_DIRECT;
  config->link_port = 7780;
  return config;
}

static void
remove_folder (const char *folder)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *name;

  while (dir && (name = g_dir_read_name (dir)))
    {
      g_autofree char *path = g_build_filename (folder, name, NULL);

      g_unlink (path);
    }
  g_assert_cmpint (g_rmdir (folder), ==, 0);
}

/* Nothing in the state directory is readable by others, whatever the umask. */
static void
assert_private (const char *folder)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *name;
  guint files = 0;

  while ((name = g_dir_read_name (dir)))
    {
      g_autofree char *path = g_build_filename (folder, name, NULL);
      struct stat info;

      g_assert_cmpint (g_stat (path, &info), ==, 0);
      g_assert_cmpint (info.st_mode & 077, ==, 0);
      files++;
    }
  g_assert_cmpuint (files, >=, 5);
}

static void
test_create (void)
{
  g_autofree char *parent = g_dir_make_tmp ("funnel-setup-XXXXXX", NULL);
  g_autofree char *folder = g_build_filename (parent, "state", NULL);
  g_autoptr (IngressConfig) config = sample (folder);
  g_autoptr (IngressConfig) back = NULL;
  g_autoptr (GTlsCertificate) certificate = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *private_key = NULL, *public_key = NULL;
  guint8 hash[FUNNEL_KEY_HASH_LEN] = {0}, zero[FUNNEL_KEY_HASH_LEN] = {0};
  mode_t old = umask (0);

  g_assert_true (ingress_setup_create (config, &error));
  g_assert_no_error (error);
  umask (old);
  assert_private (folder);

  back = ingress_config_load (folder, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (back->zone, ==, "example.org");
  g_assert_cmpstr (back->endpoint_host, ==, "vps.example.org");
  g_assert_cmpuint (back->endpoint_port, ==, 51820);
  g_assert_cmpuint (back->n_public_ports, ==, 2);
  g_assert_true (ingress_config_has_port (back, 8443));
  g_assert_null (back->listen);
  g_assert_cmpint (back->tunnel, ==, INGRESS_TUNNEL_DIRECT);

  g_assert_true (ingress_setup_load_wireguard (back, &private_key, &public_key, &error));
  g_assert_true (funnel_wg_key_is_valid (public_key));
  certificate = ingress_setup_load_certificate (back, hash, &error);
  g_assert_no_error (error);
  g_assert_nonnull (certificate);
  g_assert_true (memcmp (hash, zero, sizeof hash) != 0);

  /* A second init changes nothing. */
  g_assert_false (ingress_setup_create (config, &error));
  g_assert_error (error, FUNNEL_ERROR, FUNNEL_ERROR_CONFLICT);
  remove_folder (folder);
  g_rmdir (parent);
}

static void
load_refused (const char *folder, const char *text, const char *word)
{
  g_autofree char *path = g_build_filename (folder, INGRESS_CONFIG_FILE, NULL);
  g_autoptr (GError) error = NULL;

  g_assert_true (g_file_set_contents (path, text, -1, NULL));
  g_assert_null (ingress_config_load (folder, &error));
  g_assert_nonnull (error);
  if (!strstr (error->message, word))
    g_error ("“%s” does not name “%s”", error->message, word);
}

static void
test_bad_config (void)
{
  g_autofree char *folder = g_dir_make_tmp ("funnel-setup-XXXXXX", NULL);
  g_autoptr (GError) error = NULL;

  g_assert_null (ingress_config_load (folder, &error));
  g_assert_nonnull (strstr (error->message, "funnel-ingress init"));
  load_refused (folder, "[ingress]\n", "zone");
  load_refused (folder, "[ingress]\nzone=a_b\nendpoint=h:1\n", "zone");
  load_refused (folder, "[ingress]\nzone=example.org\n", "endpoint");
  load_refused (folder, "[ingress]\nzone=example.org\nendpoint=h\n", "endpoint");
  load_refused (folder, "[ingress]\nzone=example.org\nendpoint=h:1\npublic-ports=x\n",
                "public-ports");
  load_refused (folder, "[ingress]\nzone=example.org\nendpoint=h:1\nlisten=h\n", "listen");
  load_refused (folder, "[ingress]\nzone=example.org\nendpoint=h:1\ntunnel=tcp\n", "tunnel");
  load_refused (folder, "[ingress]\nzone=example.org\nendpoint=h:1\nlink-port=0\n", "link-port");
  load_refused (folder, "[ingress]\nzone=example.org\nendpoint=h:1\nport=1\n", "port");
  load_refused (folder, "rubbish", INGRESS_CONFIG_FILE);
  remove_folder (folder);
}

static void
test_addresses (void)
{
  g_autoptr (IngressConfig) config = sample ("/nonexistent");
  g_autofree char *direct = ingress_config_address (config, 2);
  g_autofree char *far = NULL;
  guint32 host = 0;

  g_assert_cmpstr (direct, ==, "127.64.0.2");
  config->tunnel = INGRESS_TUNNEL_WIREGUARD;
  far = ingress_config_address (config, (1u << 22) - 2);
  g_assert_cmpstr (far, ==, "100.127.255.254");
  g_assert_true (ingress_config_address_host (config, far, &host));
  g_assert_cmpuint (host, ==, (1u << 22) - 2);
  g_assert_false (ingress_config_address_host (config, "127.64.0.2", &host));
  g_assert_false (ingress_config_address_host (config, "100.128.0.2", &host));
  g_assert_false (ingress_config_address_host (config, "::1", &host));
}

static void
test_dns_record (void)
{
  g_autoptr (IngressConfig) config = sample ("/nonexistent");
  g_autofree char *zone = ingress_config_dns_record (config, NULL);
  g_autofree char *inside = ingress_config_dns_record (config, "laptop.example.org");
  g_autofree char *custom = ingress_config_dns_record (config, "www.example.com");
  g_autofree char *literal = NULL;

  g_assert_cmpstr (zone, ==, "*.example.org. CNAME vps.example.org.");
  g_assert_cmpstr (inside, ==, zone);
  g_assert_cmpstr (custom, ==, "www.example.com. CNAME vps.example.org.");
  g_free (config->endpoint_host);
  config->endpoint_host = g_strdup ("203.0.113.7");
  literal = ingress_config_dns_record (config, NULL);
  g_assert_cmpstr (literal, ==, "*.example.org. A 203.0.113.7");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/ingress-setup/create", test_create);
  g_test_add_func ("/ingress-setup/bad-config", test_bad_config);
  g_test_add_func ("/ingress-setup/addresses", test_addresses);
  g_test_add_func ("/ingress-setup/dns-record", test_dns_record);
  return g_test_run ();
}
