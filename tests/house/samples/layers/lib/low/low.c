/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "upper/upper.h"
#include <glib.h>
