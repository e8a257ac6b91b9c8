# The testbeds that all tests of one ctest run share, each with one test at a time (see in_testbed.py). A
# test that boots guests says COMMAND ${XENOLITH_IN_TESTBED} TEST.py, FIXTURES_REQUIRED testbed and
# ENVIRONMENT "${XENOLITH_TEST_ENVIRONMENT}".

# A name of its own for each build directory: two of them can be tested at once.
string(SHA256 _testbed_name ${CMAKE_BINARY_DIR})
string(SUBSTRING ${_testbed_name} 0 8 _testbed_name)
set(XENOLITH_TEST_ENVIRONMENT
    XENOLITH_TESTBED=test-${_testbed_name}
    XENOLITH_TEST_SLOTS=${CMAKE_BINARY_DIR}/tests/testbeds
    XENOLITH_COMMAND=${XENOLITH_SDK}/bin/xenolith
    XENOLITH_BUILD_DIR=${CMAKE_BINARY_DIR}/tests/programs
    XENOLITH_NO_INSTALL=1)
set(XENOLITH_IN_TESTBED ${Python3_EXECUTABLE} -B ${CMAKE_CURRENT_LIST_DIR}/in_testbed.py)

# Variables are for each directory that includes this; the two tests are made once.
get_property(_testbed_made GLOBAL PROPERTY XENOLITH_TESTBED_MADE)
if(_testbed_made)
    return()
endif()
set_property(GLOBAL PROPERTY XENOLITH_TESTBED_MADE ON)
add_test(NAME testbed.up COMMAND ${XENOLITH_IN_TESTBED} --up)
add_test(NAME testbed.down COMMAND ${XENOLITH_IN_TESTBED} --down)
set_tests_properties(testbed.up PROPERTIES
    FIXTURES_SETUP testbed TIMEOUT 1800 ENVIRONMENT "${XENOLITH_TEST_ENVIRONMENT}")
set_tests_properties(testbed.down PROPERTIES
    FIXTURES_CLEANUP testbed TIMEOUT 120 ENVIRONMENT "${XENOLITH_TEST_ENVIRONMENT}")
