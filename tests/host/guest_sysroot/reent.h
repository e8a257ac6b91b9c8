/* newlib's; a test defines the function. */
#define _REENT NULL
struct _reent;
void _reclaim_reent(struct _reent *reent);
