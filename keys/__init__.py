"""私钥: everything secret. ``Signer`` is the only door to a private key."""
