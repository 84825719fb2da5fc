"""演示用身份提供方: an OpenID provider for demonstrations, without any proof of identity. Never outside of them."""
