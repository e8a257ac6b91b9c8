/* start_info_priv: for start.c alone: take the one copy behind start_facts(). */
#ifndef PLATFORM_START_INFO_PRIV_H
#define PLATFORM_START_INFO_PRIV_H

#include <platform/start_info.h>

/* As start_info_parse(), into the copy that start_facts() returns. */
int start_info_take(const start_info_t *page, const char **why);

#endif
