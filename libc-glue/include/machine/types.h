/* Types that newlib's <sys/types.h>, which includes this, does not have. */
#ifndef _SYS_TYPES_H
#error "included by <sys/types.h> only"
#endif

#if __MISC_VISIBLE
typedef __off_t loff_t;
#endif
