"""相信什么: everything a verifier needs, and no secret."""
