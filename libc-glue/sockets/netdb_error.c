/* netdb_error: what went wrong, in words. */
#include <netdb.h>
#include <stdio.h>

static __thread int netdb_h_errno;

int *__h_errno_location(void)
{
    return &netdb_h_errno;
}

const char *gai_strerror(int error)
{
    switch (error) {
    case 0:
        return "Success";
    case EAI_BADFLAGS:
        return "Invalid flags";
    case EAI_NONAME:
        return "Name or service not known";
    case EAI_AGAIN:
        return "Temporary failure in name resolution";
    case EAI_FAIL:
        return "Name resolution failed for good";
    case EAI_NODATA:
        return "The name has no address";
    case EAI_FAMILY:
        return "Address family not supported";
    case EAI_SOCKTYPE:
        return "Socket type not supported";
    case EAI_SERVICE:
        return "Service not known for this socket type";
    case EAI_ADDRFAMILY:
        return "The name has no address of this family";
    case EAI_MEMORY:
        return "Out of memory";
    case EAI_SYSTEM:
        return "System error";
    case EAI_OVERFLOW:
        return "Result too large for its buffer";
    default:
        return "Unknown error";
    }
}

const char *hstrerror(int error)
{
    switch (error) {
    case NETDB_SUCCESS:
        return "Success";
    case HOST_NOT_FOUND:
        return "Unknown host";
    case TRY_AGAIN:
        return "Host name lookup failed for now";
    case NO_RECOVERY:
        return "Unknown server error";
    case NO_DATA:
        return "No address associated with name";
    case NETDB_INTERNAL:
        return "Internal error";
    default:
        return "Unknown error";
    }
}

void herror(const char *prefix)
{
    if (prefix != NULL && *prefix != '\0')
        fprintf(stderr, "%s: ", prefix);
    fprintf(stderr, "%s\n", hstrerror(h_errno));
}
