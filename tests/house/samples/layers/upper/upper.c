/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/low/low.h"
#include "upper.h"
