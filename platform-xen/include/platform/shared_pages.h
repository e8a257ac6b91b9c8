/*
 * shared_pages: the two pages the tool stack shares with us at boot.
 *
 * Each belongs to one module: the console driver and the xenstore client. NULL when this domain has
 * none (as dom0). After resume they may be others: ask again.
 */
#ifndef PLATFORM_SHARED_PAGES_H
#define PLATFORM_SHARED_PAGES_H

struct xencons_interface *shared_console_page(void);
struct xenstore_domain_interface *shared_store_page(void);

#endif
