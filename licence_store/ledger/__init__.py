"""用证记录: every look at, check, download and refusal of what a holder has, for the holder to read.

``ledger`` writes and reads; ``witness`` says who somebody is in the holder's words.
"""
