/* arpa/nameser.h: the messages of the domain name system (RFC 1035, RFC 3596). */
#ifndef _ARPA_NAMESER_H
#define _ARPA_NAMESER_H

#include <stdint.h>
#include <sys/types.h>
#include <machine/endian.h>

#define NS_PACKETSZ   512
#define NS_MAXDNAME   1025
#define NS_MAXMSG     65535
#define NS_MAXCDNAME  255
#define NS_MAXLABEL   63
#define NS_HFIXEDSZ   12
#define NS_QFIXEDSZ   4
#define NS_RRFIXEDSZ  10
#define NS_INT32SZ    4
#define NS_INT16SZ    2
#define NS_INADDRSZ   4
#define NS_IN6ADDRSZ  16
#define NS_CMPRSFLGS  0xc0
#define NS_DEFAULTPORT 53

#define PACKETSZ   NS_PACKETSZ
#define MAXDNAME   NS_MAXDNAME
#define MAXCDNAME  NS_MAXCDNAME
#define MAXLABEL   NS_MAXLABEL
#define HFIXEDSZ   NS_HFIXEDSZ
#define QFIXEDSZ   NS_QFIXEDSZ
#define RRFIXEDSZ  NS_RRFIXEDSZ
#define INT32SZ    NS_INT32SZ
#define INT16SZ    NS_INT16SZ
#define INADDRSZ   NS_INADDRSZ
#define IN6ADDRSZ  NS_IN6ADDRSZ
#define INDIR_MASK NS_CMPRSFLGS
#define NAMESERVER_PORT NS_DEFAULTPORT

typedef enum {
    ns_o_query = 0,
    ns_o_iquery = 1,
    ns_o_status = 2,
    ns_o_notify = 4,
    ns_o_update = 5
} ns_opcode;
#define QUERY ns_o_query

typedef enum {
    ns_r_noerror = 0,
    ns_r_formerr = 1,
    ns_r_servfail = 2,
    ns_r_nxdomain = 3,
    ns_r_notimpl = 4,
    ns_r_refused = 5
} ns_rcode;
#define NOERROR  ns_r_noerror
#define FORMERR  ns_r_formerr
#define SERVFAIL ns_r_servfail
#define NXDOMAIN ns_r_nxdomain
#define NOTIMP   ns_r_notimpl
#define REFUSED  ns_r_refused

typedef enum {
    ns_t_a = 1,
    ns_t_ns = 2,
    ns_t_cname = 5,
    ns_t_soa = 6,
    ns_t_ptr = 12,
    ns_t_mx = 15,
    ns_t_txt = 16,
    ns_t_aaaa = 28,
    ns_t_srv = 33,
    ns_t_opt = 41,
    ns_t_any = 255
} ns_type;
#define T_A     ns_t_a
#define T_NS    ns_t_ns
#define T_CNAME ns_t_cname
#define T_SOA   ns_t_soa
#define T_PTR   ns_t_ptr
#define T_MX    ns_t_mx
#define T_TXT   ns_t_txt
#define T_AAAA  ns_t_aaaa
#define T_SRV   ns_t_srv
#define T_ANY   ns_t_any

typedef enum { ns_c_in = 1, ns_c_chaos = 3, ns_c_none = 254, ns_c_any = 255 } ns_class;
#define C_IN  ns_c_in
#define C_ANY ns_c_any

typedef struct {
    unsigned id : 16;
    unsigned rd : 1, tc : 1, aa : 1, opcode : 4, qr : 1;
    unsigned rcode : 4, cd : 1, ad : 1, unused : 1, ra : 1;
    unsigned qdcount : 16, ancount : 16, nscount : 16, arcount : 16;
} HEADER;

/* Numbers in messages: big-endian, at any address. */
#define NS_GET16(value, at)                                                                        \
    do {                                                                                           \
        (value) = (uint16_t)((at)[0] << 8 | (at)[1]);                                              \
        (at) += NS_INT16SZ;                                                                        \
    } while (0)
#define NS_GET32(value, at)                                                                        \
    do {                                                                                           \
        (value) = (uint32_t)(at)[0] << 24 | (uint32_t)(at)[1] << 16 | (uint32_t)(at)[2] << 8 |     \
                  (at)[3];                                                                         \
        (at) += NS_INT32SZ;                                                                        \
    } while (0)
#define GETSHORT NS_GET16
#define GETLONG  NS_GET32

#endif
