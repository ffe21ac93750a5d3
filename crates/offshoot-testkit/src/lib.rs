//! Throwaway servers, data generators, faulty stores, conformance suites.
