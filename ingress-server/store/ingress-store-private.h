/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Shared by the files of the store. */

#include "ingress-server/store/ingress-store.h"

#include <sqlite3.h>

struct _IngressStore
{
  sqlite3 *db;
};
