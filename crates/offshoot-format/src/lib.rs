//! The bytes of an offshoot store and the types they mean.
