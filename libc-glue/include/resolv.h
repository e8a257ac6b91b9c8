/* resolv.h: the name servers in use, questions to them, and names in messages (RFC 1035). */
#ifndef _RESOLV_H
#define _RESOLV_H

#include <sys/cdefs.h>
#include <sys/types.h>
#include <netinet/in.h>
#include <arpa/nameser.h>

#define MAXNS         3
#define MAXDNSRCH     6
/* Bits of options: those that res_init() sets, and others that programs name; they change nothing. */
#define RES_INIT      0x00000001
#define RES_DEBUG     0x00000002
#define RES_AAONLY    0x00000004
#define RES_USEVC     0x00000008
#define RES_PRIMARY   0x00000010
#define RES_IGNTC     0x00000020
#define RES_RECURSE   0x00000040
#define RES_DEFNAMES  0x00000080
#define RES_STAYOPEN  0x00000100
#define RES_DNSRCH    0x00000200
#define RES_DEFAULT   (RES_RECURSE | RES_DEFNAMES | RES_DNSRCH)

#define RES_TIMEOUT     5 /* seconds for one attempt */
#define RES_DFLRETRY    2
#define RES_MAXRETRANS 30
#define RES_MAXRETRY    5

#define _PATH_RESCONF "/etc/resolv.conf"

struct __res_state {
    int retrans;
    int retry;
    unsigned long options;
    int nscount;
    struct sockaddr_in nsaddr_list[MAXNS];
    unsigned short id;
    char *dnsrch[MAXDNSRCH + 1];
    char defdname[256];
    unsigned ndots : 4;
};
typedef struct __res_state *res_state;

__BEGIN_DECLS
struct __res_state *__res_state(void);
int res_init(void);
int dn_expand(const unsigned char *__message, const unsigned char *__end,
              const unsigned char *__name, char *__text, int __size);
int dn_comp(const char *__name, unsigned char *__out, int __size, unsigned char **__first,
            unsigned char **__last);
int res_query(const char *__name, int __class, int __type, unsigned char *__answer, int __size);
int res_search(const char *__name, int __class, int __type, unsigned char *__answer, int __size);
int res_querydomain(const char *__name, const char *__domain, int __class, int __type,
                    unsigned char *__answer, int __size);
int res_mkquery(int __op, const char *__name, int __class, int __type, const unsigned char *__data,
                int __len, const unsigned char *__record, unsigned char *__out, int __size);
int res_send(const unsigned char *__message, int __len, unsigned char *__answer, int __size);
int dn_skipname(const unsigned char *__name, const unsigned char *__end);
__END_DECLS

#define _res (*__res_state())

#endif
