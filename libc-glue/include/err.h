/* err() and warn(): messages that begin with the program's name; those without x end with errno's. */
#ifndef _ERR_H
#define _ERR_H

#include <stdarg.h>

#ifdef __cplusplus
extern "C" {
#endif

#define __ERR_FORMAT(at, first) __attribute__((__format__(__printf__, at, first)))

void err(int, const char *, ...) __ERR_FORMAT(2, 3) __attribute__((__noreturn__));
void errx(int, const char *, ...) __ERR_FORMAT(2, 3) __attribute__((__noreturn__));
void verr(int, const char *, va_list) __ERR_FORMAT(2, 0) __attribute__((__noreturn__));
void verrx(int, const char *, va_list) __ERR_FORMAT(2, 0) __attribute__((__noreturn__));
void warn(const char *, ...) __ERR_FORMAT(1, 2);
void warnx(const char *, ...) __ERR_FORMAT(1, 2);
void vwarn(const char *, va_list) __ERR_FORMAT(1, 0);
void vwarnx(const char *, va_list) __ERR_FORMAT(1, 0);

#undef __ERR_FORMAT

#ifdef __cplusplus
}
#endif

#endif
