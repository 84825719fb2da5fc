"""通知: what a licence's holder and issuer are told, once each, and whether it reached them (R066).

``outbox`` remembers, ``occasions`` says when there is something to tell, ``texts`` says it, ``channels`` carry it.
"""
