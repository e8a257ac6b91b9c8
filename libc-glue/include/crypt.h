/* Hashes of passwords. There are none here: crypt() fails with ENOSYS, as POSIX has it. */
#ifndef _CRYPT_H_
#define _CRYPT_H_

#ifdef __cplusplus
extern "C" {
#endif

char *crypt(const char *, const char *);

#ifdef __cplusplus
}
#endif

#endif
