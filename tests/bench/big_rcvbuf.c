/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Preloaded into a load generator: its datagram sockets get receive buffers of 8 MiB.
 *
 * perfdhcp keeps the system's default, 212 KB, which some 250 packets fill. On a busy
 * machine it then loses replies by itself that every server under test had sent. */
#include <dlfcn.h>
#include <sys/socket.h>

int
socket(int domain, int type, int protocol)
{
	int (*real)(int, int, int) = (int (*)(int, int, int))dlsym(RTLD_NEXT, "socket");
	int fd = real(domain, type, protocol), size = 8 << 20;

	if (fd >= 0 && (type & 15) == SOCK_DGRAM)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	return fd;
}
