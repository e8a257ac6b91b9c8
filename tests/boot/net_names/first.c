/*
 * A client that has nothing to do before it connects: to a port where nobody listens, so that the
 * answer tells whether there was a way to ADDRESS.
 *
 * Usage: first ADDRESS
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

int main(int argc, char **argv)
{
    struct sockaddr_in6 to = { .sin6_family = AF_INET6, .sin6_port = htons(9) };
    int fd = socket(AF_INET6, SOCK_STREAM, 0);

    if (argc != 2 || fd < 0 || inet_pton(AF_INET6, argv[1], &to.sin6_addr) != 1)
        return 2;
    if (connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0)
        puts("connected");
    else
        puts(errno == ECONNREFUSED ? "refused" : strerror(errno));
    return 0;
}
