/* sysexits.h: what BSD's programs mean by their exit status. */
#ifndef _SYSEXITS_H
#define _SYSEXITS_H

#define EX_OK          0
#define EX_USAGE       64 /* wrong arguments */
#define EX_DATAERR     65 /* wrong input */
#define EX_NOINPUT     66 /* input that cannot be read */
#define EX_NOUSER      67
#define EX_NOHOST      68
#define EX_UNAVAILABLE 69 /* a service */
#define EX_SOFTWARE    70 /* a fault of the program itself */
#define EX_OSERR       71
#define EX_OSFILE      72 /* a file of the system */
#define EX_CANTCREAT   73 /* output that cannot be written */
#define EX_IOERR       74
#define EX_TEMPFAIL    75 /* worth another try */
#define EX_PROTOCOL    76
#define EX_NOPERM      77
#define EX_CONFIG      78
#define EX__BASE       64
#define EX__MAX        78

#endif
