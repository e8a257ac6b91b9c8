# lwIP on the host: its own unit tests in our configuration, and tests of what is ours around it.
include(${CMAKE_SOURCE_DIR}/libc-glue/lwip/lwip.cmake)

find_path(CHECK_INCLUDE NAMES check.h)
find_library(CHECK_LIBRARY NAMES check)
find_library(SUBUNIT_LIBRARY NAMES subunit)

set(_lwip_flags -std=gnu11 -g -O1 -fno-omit-frame-pointer -D_GNU_SOURCE
    -fsanitize=address,undefined -fno-sanitize=alignment -fno-sanitize-recover=all)
set(_lwip_includes ${CMAKE_SOURCE_DIR}/libc-glue/lwip ${LWIP_DIR}/src/include ${LWIP_DIR}/src
    ${CMAKE_SOURCE_DIR}/libc-glue ${CMAKE_SOURCE_DIR}/drivers/include
    ${CMAKE_SOURCE_DIR}/runtime/include ${CMAKE_SOURCE_DIR}/platform-xen/include)
set(_lwip_ours net_csum net_init net_ip4 net_ip6 net_ip6_frag net_isn net_nd6 net_sum net_tcp net_tcp_hash
    net_tcp_in net_tcp_out net_tcp_sack net_timers)
list(TRANSFORM _lwip_ours PREPEND ${CMAKE_SOURCE_DIR}/libc-glue/lwip/)
list(TRANSFORM _lwip_ours APPEND .c)

# The command that unpacks them stands in libc-glue/lwip.
set_source_files_properties(${LWIP_SOURCES} ${LWIP_INCLUDED} ${LWIP_TESTS} PROPERTIES GENERATED ON)

# lwIP and ours around it, with the options in the directory `options`, and what they need of a guest.
function(_lwip_library name options)
    add_library(${name} STATIC EXCLUDE_FROM_ALL ${LWIP_SOURCES} ${_lwip_ours} lwip/host.c ${ARGN})
    target_compile_options(${name} PRIVATE ${_lwip_flags} -Wno-address)
    target_include_directories(${name} BEFORE PUBLIC ${options} ${_lwip_includes})
    add_dependencies(${name} xenolith_lwip)
endfunction()

if(CHECK_INCLUDE AND CHECK_LIBRARY)
    _lwip_library(lwip_unit lwip lwip/clock.c)
    add_executable(test_lwip lwip/main.c ${LWIP_TESTS})
    # The directory of the tests has a lwipopts.h too: last.
    target_compile_options(test_lwip PRIVATE ${_lwip_flags} -Wno-address
        "SHELL:-idirafter ${LWIP_DIR}/test/unit")
    target_include_directories(test_lwip PRIVATE ${CHECK_INCLUDE})
    target_link_options(test_lwip PRIVATE -fsanitize=address,undefined)
    target_link_libraries(test_lwip PRIVATE lwip_unit ${CHECK_LIBRARY} m pthread rt)
    if(SUBUNIT_LIBRARY)
        target_link_libraries(test_lwip PRIVATE ${SUBUNIT_LIBRARY})
    endif()
    add_test(NAME host.lwip COMMAND test_lwip)
    set_tests_properties(host.lwip PROPERTIES LABELS host TIMEOUT 300
        ENVIRONMENT "CK_FORK=yes;CK_DEFAULT_TIMEOUT=60")
else()
    add_test(NAME host.lwip COMMAND ${CMAKE_COMMAND} -E echo "SKIP check (the library) is not installed")
    set_tests_properties(host.lwip PROPERTIES LABELS host SKIP_REGULAR_EXPRESSION "^SKIP")
endif()

# With our own options, as in a guest.
#
#   xenolith_net_test(NAME SOURCE...)      host.NAME from test_NAME.c and sources of libc-glue/lwip
_lwip_library(lwip_ours ${CMAKE_SOURCE_DIR}/libc-glue/lwip)
function(xenolith_net_test name)
    list(TRANSFORM ARGN PREPEND ${CMAKE_SOURCE_DIR}/libc-glue/lwip/ OUTPUT_VARIABLE sources)
    add_executable(test_${name} test_${name}.c glue_test.c ${sources})
    target_compile_options(test_${name} PRIVATE ${_lwip_flags} -Wall -Wextra
        -D__XEN_INTERFACE_VERSION__=0x00040d00)
    target_link_options(test_${name} PRIVATE -fsanitize=address,undefined)
    target_link_libraries(test_${name} PRIVATE lwip_ours)
    add_test(NAME host.${name} COMMAND test_${name})
    set_tests_properties(host.${name} PROPERTIES LABELS host TIMEOUT 300)
endfunction()

xenolith_net_test(net_ip net_ip.c)
xenolith_net_test(net_tcp net_heap.c)
xenolith_net_test(net_timers)

# Sockets on lwIP: their sources lie in libc-glue/sockets.
set(_lwip_sockets sockets/datagram sockets/file_socket sockets/inet sockets/inet_address sockets/inet_errors
    sockets/inet_group sockets/inet_interface sockets/inet_ioctl sockets/inet_option
    sockets/inet_queue sockets/inet_send sockets/socket_option sockets/socket_raw sockets/socket_tcp
    sockets/socket_udp sockets/tcp_connect sockets/tcp_listen sockets/tcp_option
    sockets/tcp_transfer files/fd files/file devices/file_console files/poll_source process/result
    devices/terminal)
list(TRANSFORM _lwip_sockets PREPEND ../)
list(TRANSFORM _lwip_sockets APPEND .c)
foreach(name sockets connect connections)
    xenolith_net_test(${name} ${_lwip_sockets} net_tcp_half.c ../files/epoll.c)
    target_sources(test_${name} PRIVATE socket_rig.c)
    target_compile_options(test_${name} PRIVATE -Wno-address -Wno-array-parameter)
endforeach()
