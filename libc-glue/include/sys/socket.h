/* sys/socket.h: sockets (POSIX), with Linux's extensions; values as Linux has them. */
#ifndef _SYS_SOCKET_H
#define _SYS_SOCKET_H

#include <stddef.h>
#include <fcntl.h>
#include <sys/cdefs.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/_timespec.h>

#ifndef _SOCKLEN_T_DECLARED
typedef __socklen_t socklen_t;
#define _SOCKLEN_T_DECLARED
#endif
#ifndef _SA_FAMILY_T_DECLARED
typedef __sa_family_t sa_family_t;
#define _SA_FAMILY_T_DECLARED
#endif

/* Types */
#define SOCK_STREAM    1
#define SOCK_DGRAM     2
#define SOCK_RAW       3
#define SOCK_RDM       4
#define SOCK_SEQPACKET 5
#define SOCK_NONBLOCK  O_NONBLOCK
#define SOCK_CLOEXEC   O_CLOEXEC

/* Families */
#define AF_UNSPEC  0
#define AF_UNIX    1
#define AF_LOCAL   AF_UNIX
#define AF_FILE    AF_UNIX
#define AF_INET    2
#define AF_INET6   10
#define AF_NETLINK 16
#define AF_PACKET  17
#define AF_VSOCK   40
#define AF_MAX     46

#define PF_UNSPEC  AF_UNSPEC
#define PF_UNIX    AF_UNIX
#define PF_LOCAL   AF_LOCAL
#define PF_FILE    AF_FILE
#define PF_INET    AF_INET
#define PF_INET6   AF_INET6
#define PF_NETLINK AF_NETLINK
#define PF_PACKET  AF_PACKET
#define PF_VSOCK   AF_VSOCK
#define PF_MAX     AF_MAX

/* Options of every socket: setsockopt(SOL_SOCKET) */
#define SOL_SOCKET        1
#define SO_DEBUG          1
#define SO_REUSEADDR      2
#define SO_TYPE           3
#define SO_ERROR          4
#define SO_DONTROUTE      5
#define SO_BROADCAST      6
#define SO_SNDBUF         7
#define SO_RCVBUF         8
#define SO_KEEPALIVE      9
#define SO_OOBINLINE      10
#define SO_NO_CHECK       11
#define SO_PRIORITY       12
#define SO_LINGER         13
#define SO_BSDCOMPAT      14
#define SO_REUSEPORT      15
#define SO_PASSCRED       16
#define SO_PEERCRED       17
#define SO_RCVLOWAT       18
#define SO_SNDLOWAT       19
#define SO_RCVTIMEO       20
#define SO_SNDTIMEO       21
#define SO_BINDTODEVICE   25
#define SO_ATTACH_FILTER  26
#define SO_DETACH_FILTER  27
#define SO_TIMESTAMP      29
#define SO_ACCEPTCONN     30
#define SO_PEERSEC        31
#define SO_SNDBUFFORCE    32
#define SO_RCVBUFFORCE    33
#define SO_TIMESTAMPNS    35
#define SO_MARK           36
#define SO_PROTOCOL       38
#define SO_DOMAIN         39
#define SO_RXQ_OVFL       40
#define SO_PEEK_OFF       42
#define SO_BUSY_POLL      46
#define SO_INCOMING_CPU   49
#define SO_ZEROCOPY       60

#define SOL_IP   0
#define SOL_TCP  6
#define SOL_UDP  17
#define SOL_IPV6 41
#define SOL_RAW  255

#define SOMAXCONN 4096

/* Flags of one transfer */
#define MSG_OOB          0x01
#define MSG_PEEK         0x02
#define MSG_DONTROUTE    0x04
#define MSG_CTRUNC       0x08
#define MSG_TRUNC        0x20
#define MSG_DONTWAIT     0x40
#define MSG_EOR          0x80
#define MSG_WAITALL      0x100
#define MSG_CONFIRM      0x800
#define MSG_ERRQUEUE     0x2000
#define MSG_NOSIGNAL     0x4000
#define MSG_MORE         0x8000
#define MSG_WAITFORONE   0x10000
#define MSG_FASTOPEN     0x20000000
#define MSG_CMSG_CLOEXEC 0x40000000

/* shutdown() */
#define SHUT_RD   0
#define SHUT_WR   1
#define SHUT_RDWR 2

struct sockaddr {
    sa_family_t sa_family;
    char sa_data[14];
};

/* Large enough, and aligned, for any address. */
struct sockaddr_storage {
    sa_family_t ss_family;
    char __ss_padding[128 - sizeof(sa_family_t) - sizeof(unsigned long)];
    unsigned long __ss_align;
};

struct linger {
    int l_onoff;
    int l_linger; /* seconds */
};

struct msghdr {
    void *msg_name;
    socklen_t msg_namelen;
    struct iovec *msg_iov;
    size_t msg_iovlen;
    void *msg_control;
    size_t msg_controllen;
    int msg_flags;
};

struct mmsghdr {
    struct msghdr msg_hdr;
    unsigned int msg_len; /* bytes of this message */
};

/* Control data: a row of headers, each followed by its data and aligned. */
struct cmsghdr {
    size_t cmsg_len; /* with the header */
    int cmsg_level;
    int cmsg_type;
};

#define SCM_RIGHTS      0x01
#define SCM_CREDENTIALS 0x02
#define SCM_TIMESTAMP   SO_TIMESTAMP
#define SCM_TIMESTAMPNS SO_TIMESTAMPNS

#define CMSG_ALIGN(len)    (((len) + sizeof(size_t) - 1) & ~(sizeof(size_t) - 1))
#define CMSG_SPACE(len)    (CMSG_ALIGN(sizeof(struct cmsghdr)) + CMSG_ALIGN(len))
#define CMSG_LEN(len)      (CMSG_ALIGN(sizeof(struct cmsghdr)) + (len))
#define CMSG_DATA(cmsg)    ((unsigned char *)((struct cmsghdr *)(cmsg) + 1))
#define CMSG_FIRSTHDR(msg)                                                                         \
    ((msg)->msg_controllen >= sizeof(struct cmsghdr) ? (struct cmsghdr *)(msg)->msg_control        \
                                                     : (struct cmsghdr *)0)
#define CMSG_NXTHDR(msg, cmsg) __cmsg_nxthdr((msg), (cmsg))

struct ucred {
    pid_t pid;
    uid_t uid;
    gid_t gid;
};

__BEGIN_DECLS
int socket(int __family, int __type, int __protocol);
int socketpair(int __family, int __type, int __protocol, int __fds[2]);
int bind(int __fd, const struct sockaddr *__address, socklen_t __len);
int listen(int __fd, int __backlog);
int accept(int __fd, struct sockaddr *__restrict __address, socklen_t *__restrict __len);
int accept4(int __fd, struct sockaddr *__restrict __address, socklen_t *__restrict __len,
            int __flags);
int connect(int __fd, const struct sockaddr *__address, socklen_t __len);
int shutdown(int __fd, int __how);
int getsockname(int __fd, struct sockaddr *__restrict __address, socklen_t *__restrict __len);
int getpeername(int __fd, struct sockaddr *__restrict __address, socklen_t *__restrict __len);
int getsockopt(int __fd, int __level, int __option, void *__restrict __value,
               socklen_t *__restrict __len);
int setsockopt(int __fd, int __level, int __option, const void *__value, socklen_t __len);
ssize_t recv(int __fd, void *__buffer, size_t __len, int __flags);
ssize_t recvfrom(int __fd, void *__restrict __buffer, size_t __len, int __flags,
                 struct sockaddr *__restrict __address, socklen_t *__restrict __address_len);
ssize_t recvmsg(int __fd, struct msghdr *__message, int __flags);
ssize_t send(int __fd, const void *__buffer, size_t __len, int __flags);
ssize_t sendto(int __fd, const void *__buffer, size_t __len, int __flags,
               const struct sockaddr *__address, socklen_t __address_len);
ssize_t sendmsg(int __fd, const struct msghdr *__message, int __flags);
int sockatmark(int __fd);
int isfdtype(int __fd, int __type);
int recvmmsg(int __fd, struct mmsghdr *__messages, unsigned int __n, int __flags,
             struct timespec *__timeout);
int sendmmsg(int __fd, struct mmsghdr *__messages, unsigned int __n, int __flags);
__END_DECLS

static __inline struct cmsghdr *__cmsg_nxthdr(const struct msghdr *__message,
                                              struct cmsghdr *__cmsg)
{
    size_t __at = (size_t)((char *)__cmsg - (char *)__message->msg_control);
    size_t __left = __message->msg_controllen - __at;

    if (__cmsg->cmsg_len < sizeof(struct cmsghdr) || __left < sizeof(struct cmsghdr) ||
        CMSG_ALIGN(__cmsg->cmsg_len) > __left - sizeof(struct cmsghdr))
        return (struct cmsghdr *)0;
    return (struct cmsghdr *)((char *)__cmsg + CMSG_ALIGN(__cmsg->cmsg_len));
}

#endif
