/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Maps RMCP+ status codes, completion codes and silence to the verdicts of bmc.h, each
 * with the next step for the operator. Pure tables; nothing is owned, nothing can fail. A
 * code that no table names counts as a refusal: we never retry what we do not understand.
 * Entry points: bmc_error_of_status(), bmc_error_of_completion(), bmc_error_set(). */
#include "agent/bmc_error.h"

#include <stdarg.h>
#include <stdio.h>

#include "agent/bmc_proto.h"

struct fail_row {
	const char *code, *why, *next;
};

static const struct fail_row fails[BMC_FAIL_COUNT] = {
    [BMC_FAIL_NONE] = {"", "", ""},
    [BMC_FAIL_TIMEOUT] = {"bmc-unreachable", "timeout",
	"check the BMC's address, port and cable, and that IPMI over LAN is enabled"},
    [BMC_FAIL_NETWORK] = {"bmc-unreachable", "timeout",
	"check the BMC's address and this site's route to it"},
    [BMC_FAIL_RESTART] = {"bmc-unreachable", "timeout",
	"sessions break off while being opened: look for packet loss, or restart the "
	"BMC"},
    [BMC_FAIL_BUSY] = {"bmc-busy", "busy",
	"wait for the BMC to finish (an update of its firmware takes up to half an "
	"hour, and a reset in the middle breaks it), or close other sessions on it"},
    [BMC_FAIL_CIPHER] = {"bmc-cipher", "refused",
	"enable cipher suite 17 (or 3) on the BMC, for this user's privilege too; weaker "
	"ones are never used"},
    [BMC_FAIL_AUTH] = {"bmc-auth", "auth",
	"correct them with netboot-ctl host set HOST --bmc-user U --bmc-password; "
	"it was not tried again, to avoid a lockout"},
    [BMC_FAIL_KEY] = {"bmc-auth", "auth",
	"give the host the K_g of its BMC (netboot-ctl host set HOST --bmc-kg), or clear "
	"that key on "
	"the "
	"BMC"},
    [BMC_FAIL_PRIVILEGE] = {"bmc-privilege", "refused",
	"give the user that privilege on the BMC, or choose with netboot-ctl host set "
	"HOST --bmc-privilege or --bmc-user what it has"},
    [BMC_FAIL_REFUSED] = {"bmc-refused", "refused",
	"look at the BMC's own log; the command may be unsupported or blocked there"},
    [BMC_FAIL_EFFECT] = {"power-unconfirmed", "timeout",
	"look at the server's console and power before ordering it again; it is not "
	"repeated by itself"},
    [BMC_FAIL_NOT_KEPT] = {"override-not-kept", "",
	"if only the EFI or valid bit is lost: netboot-ctl host set HOST "
	"--bmc-boot-verify device; else put the network first in the firmware and set "
	"--bmc-boot-method none"},
    [BMC_FAIL_NOT_OFF] = {"power-not-off", "timeout",
	"look at the server's console; the BMC accepts the order but the power stays on"},
    [BMC_FAIL_NOT_ON] = {"power-not-on", "timeout",
	"check mains and power supply; the BMC accepts the order but the power stays "
	"off"},
    [BMC_FAIL_GRACEFUL] = {"graceful-timeout", "timeout",
	"netboot-ctl console HOST shows what holds it up; it may still go off "
	"(netboot-ctl "
	"power status HOST), and does not come on then by itself; netboot-ctl reboot "
	"HOST "
	"--force after-timeout, if it may be forced"},
    [BMC_FAIL_NONE_CONFIGURED] = {"no-bmc", "refused",
	"give the host a BMC address with netboot-ctl host set"},
    [BMC_FAIL_BREAKER] = {"bmc-breaker", "timeout",
	"check the BMC's power, cable and address; it is tried again by itself, or at "
	"once after netboot-ctl bmc resume"},
    [BMC_FAIL_OUTSIDE] = {"bmc-outside", "refused",
	"correct the BMC's address, add its network with netboot-ctl site set SITE "
	"--bmc-prefix, or say host set HOST --bmc-outside allow"},
    [BMC_FAIL_LOCKOUT] = {"bmc-lockout-stop", "auth",
	"correct the passwords (netboot-ctl host set), then netboot-ctl bmc resume "
	"--site SITE --reason TEXT"},
};

struct word_row {
	uint8_t code;
	enum bmc_fail fail;
	const char *text;
};

static const struct word_row statuses[] = {
    {BMC_STATUS_OK, BMC_FAIL_NONE, "no error"},
    {BMC_STATUS_NO_RESOURCES, BMC_FAIL_BUSY,
	"insufficient resources to create a session"},
    {BMC_STATUS_INVALID_SESSION, BMC_FAIL_RESTART, "invalid session id"},
    {BMC_STATUS_INVALID_AUTH, BMC_FAIL_CIPHER, "invalid authentication algorithm"},
    {BMC_STATUS_INVALID_INTEGRITY, BMC_FAIL_CIPHER, "invalid integrity algorithm"},
    {BMC_STATUS_NO_AUTH_PAYLOAD, BMC_FAIL_CIPHER, "no matching authentication payload"},
    {BMC_STATUS_NO_INTEGRITY_PAYLOAD, BMC_FAIL_CIPHER, "no matching integrity payload"},
    {BMC_STATUS_INACTIVE_SESSION, BMC_FAIL_RESTART, "inactive session id"},
    {BMC_STATUS_INVALID_ROLE, BMC_FAIL_PRIVILEGE, "invalid role"},
    {BMC_STATUS_UNAUTHORIZED_ROLE, BMC_FAIL_PRIVILEGE, "unauthorized role or privilege"},
    {BMC_STATUS_NO_RESOURCES_ROLE, BMC_FAIL_BUSY, "insufficient resources at this role"},
    {BMC_STATUS_INVALID_NAME_LENGTH, BMC_FAIL_AUTH, "invalid user name length"},
    {BMC_STATUS_UNAUTHORIZED_NAME, BMC_FAIL_AUTH, "unknown user name"},
    {BMC_STATUS_UNAUTHORIZED_GUID, BMC_FAIL_AUTH, "unauthorized GUID"},
    /* Our proof did not match what the BMC holds: after a resent RAKP 1 it may have drawn
     * a new random number meanwhile. With the password proven by RAKP 2 a fresh session
     * helps. */
    {BMC_STATUS_INVALID_ICV, BMC_FAIL_RESTART, "invalid integrity check value"},
    {BMC_STATUS_INVALID_CONFIDENTIALITY, BMC_FAIL_CIPHER,
	"invalid confidentiality algorithm"},
    {BMC_STATUS_NO_CIPHER_MATCH, BMC_FAIL_CIPHER, "no cipher suite match"},
    {BMC_STATUS_ILLEGAL_PARAMETER, BMC_FAIL_REFUSED, "illegal or unrecognized parameter"},
};

static const struct word_row completions[] = {
    {BMC_COMPLETION_OK, BMC_FAIL_NONE, "completed normally"},
    {BMC_COMPLETION_NODE_BUSY, BMC_FAIL_BUSY, "node busy"},
    {BMC_COMPLETION_INVALID_COMMAND, BMC_FAIL_REFUSED, "invalid command"},
    {0xC2, BMC_FAIL_REFUSED, "invalid command for this LUN"},
    {BMC_COMPLETION_TIMEOUT, BMC_FAIL_BUSY, "timeout while processing the command"},
    {BMC_COMPLETION_OUT_OF_SPACE, BMC_FAIL_BUSY, "out of space"},
    {0xC5, BMC_FAIL_REFUSED, "reservation cancelled"},
    {0xC6, BMC_FAIL_REFUSED, "request data truncated"},
    {0xC7, BMC_FAIL_REFUSED, "request data length invalid"},
    {0xC8, BMC_FAIL_REFUSED, "request data field too long"},
    {0xC9, BMC_FAIL_REFUSED, "parameter out of range"},
    {0xCA, BMC_FAIL_REFUSED, "cannot return the requested length"},
    {0xCB, BMC_FAIL_REFUSED, "requested data not present"},
    {0xCC, BMC_FAIL_REFUSED, "invalid data field in request"},
    {0xCD, BMC_FAIL_REFUSED, "command illegal for this sensor or record"},
    {BMC_COMPLETION_NO_RESPONSE, BMC_FAIL_REFUSED, "response could not be provided"},
    /* To a resent command, by a BMC that does not keep its answers: order it anew. */
    {BMC_COMPLETION_DUPLICATE, BMC_FAIL_BUSY, "cannot execute a duplicated request"},
    {BMC_COMPLETION_UPDATE_MODE, BMC_FAIL_BUSY, "repository in update mode"},
    {BMC_COMPLETION_FIRMWARE_UPDATE, BMC_FAIL_BUSY, "device in firmware update mode"},
    {BMC_COMPLETION_INITIALISING, BMC_FAIL_BUSY, "BMC initialisation in progress"},
    {0xD3, BMC_FAIL_REFUSED, "destination unavailable"},
    {BMC_COMPLETION_PRIVILEGE, BMC_FAIL_PRIVILEGE, "insufficient privilege"},
    {BMC_COMPLETION_WRONG_STATE, BMC_FAIL_REFUSED, "not supported in the present state"},
    {0xD6, BMC_FAIL_REFUSED, "sub-function disabled or unavailable"},
    {BMC_COMPLETION_UNSPECIFIED, BMC_FAIL_REFUSED, "unspecified error"},
};

static const struct word_row unnamed = {0, BMC_FAIL_REFUSED, "unnamed code"};

static const struct word_row *
find(const struct word_row *rows, size_t n, uint8_t code)
{
	for (size_t i = 0; i < n; i++)
		if (rows[i].code == code)
			return &rows[i];
	return &unnamed;
}

enum bmc_fail
bmc_error_of_status(uint8_t status)
{
	return find(statuses, ARRAY_SIZE(statuses), status)->fail;
}

const char *
bmc_error_status_text(uint8_t status)
{
	return find(statuses, ARRAY_SIZE(statuses), status)->text;
}

enum bmc_fail
bmc_error_of_completion(uint8_t code)
{
	return find(completions, ARRAY_SIZE(completions), code)->fail;
}

const char *
bmc_error_completion_text(uint8_t code)
{
	return find(completions, ARRAY_SIZE(completions), code)->text;
}

const char *
bmc_error_code(enum bmc_fail fail)
{
	return fails[fail].code;
}

const char *
bmc_error_why(enum bmc_fail fail)
{
	return fails[fail].why;
}

void
bmc_error_set(
    struct error *err, enum bmc_fail fail, const char *bmc, const char *fmt, ...)
{
	char text[ERROR_TEXT_SIZE];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	error_set(err, 0, fails[fail].code, fails[fail].next, "BMC %s: %s", bmc, text);
}
