"""后台任务: work that outlives the request that asked for it (expiry, notices, batches, collection).

``kinds`` lists what there is, ``queue`` takes it down, ``running`` does it, ``runner`` keeps doing it.
"""
