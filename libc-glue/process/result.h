/*
 * result: from the inside's 0, count or negative errno to what a C program expects.
 *
 * The one place of libc-glue that sets errno. Everything below the POSIX names returns its error;
 * the POSIX names are thin and end in result().
 */
#ifndef LIBC_GLUE_RESULT_H
#define LIBC_GLUE_RESULT_H

/* value when it is not negative; else -1, with errno = -value. */
long result(long value);

/* NULL with errno = -error; for functions that return pointers. */
void *result_null(int error);

#endif
