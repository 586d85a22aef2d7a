/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Between the files of the simulated BMC. */
#ifndef TESTS_FAKE_BMCSIM_PRIV_H
#define TESTS_FAKE_BMCSIM_PRIV_H

#include "tests/fake/bmcsim_core.h"

enum { BMCSIM_CLOSE_AFTER_REPLY = 9 };

/* Executes one IPMI message (header, command, checksums); s is NULL outside a session.
 * Returns the answer's length in `answer` (96 octets), 0 for none. */
size_t
bmcsim_cmd_message(struct bmcsim_bmc *b, struct bmcsim_session *s, int64_t now,
    const uint8_t *msg, size_t len, uint8_t *answer);

/* Chassis commands; each returns the completion code. */
uint8_t
bmcsim_chassis_control(struct bmcsim_bmc *b, int64_t now, uint8_t what);
uint8_t
bmcsim_chassis_set_option(
    struct bmcsim_bmc *b, int64_t now, const uint8_t *data, size_t len);
/* Writes version, parameter and value to `out` (16 octets). */
uint8_t
bmcsim_chassis_get_option(
    struct bmcsim_bmc *b, uint8_t parameter, uint8_t *out, size_t *ret_len);
uint8_t
bmcsim_chassis_status(const struct bmcsim_bmc *b);

#endif
