"""The words that nearly every answer, prompt and passage holds, given to zlib beforehand, so that none repeats them.

The bytes of `PRESET` are part of the format of what Redis, the journal and the archive hold, so they never change: a
better dictionary would be another one beside this. zlib notes in each payload which dictionary it was made with;
payloads from before there was one are read without.
"""

from __future__ import annotations

# What is most frequent stands at the end, where references to it are shortest.
PRESET = (
    b'{"chunk_id":"chk_","document_id":"file-","title":"","text":"","filename":".pdf","url":"https://www.","start":0,'
    b'"page_start":1,"page_end":1,"heading_path":["'
    b'","history":[["user",""],["assistant","I could not find that in the documents."]],"resolved_question":"'
    b'","instructions":"","segment":"en","collections":["vs_"]}'
    b" the of and to in a is for that with are be as on or by this not can you have it from at will your should may"
    b'{"question":"What is the How do I Can When Where Who Why are ?","passages":[["",1,0.,0.,1.],["",2,0.,0.,2.],["",'
    b'3,0.,0.,3.],["",4,0.,0.,4.],["",5,0.,0.,5.],["",6,0.,0.,6.],["",7,0.,0.,7.],["",8,0.,0.,8.]],"segment":"'
    b'"attributes":{"conversation_id":"","role":"candidate","propensity":"0.2","trial":"v00000","same":"1","pair":"learn'
    b'{"answer":{"text":" [1] [2] [3]","finish_reason":"stop","sampling":{"temperature":0.0,"top_p":1.0,"max_tokens":51'
    b'2,"seed":null,"stop":[]},"logprob":-0.,"steps":3,"abstained":false,"prompt_tokens":0,"completion_tokens":0,'
    b'"actions":[0,1,2,-1],"timings_ms":{"first":0.,"total":0.,"queue":0.0,"search":1.}},"created_at":17,"citations":['
    b'{"number":1,"document_id":"file-","chunk_id":"chk_","title":"","url":"https://","filepath":"","content":"",'
    b'"start_index":0,"end_index":1,"score":0.,"verified":true},{"number":2,"document_id":"file-","chunk_id":"chk_",'
    b'"title":""}],"model":"groundloop","request_id":"chatcmpl-","position":0,"attributes":{}}'
)
