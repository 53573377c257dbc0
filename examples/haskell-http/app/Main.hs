{-# LANGUAGE OverloadedStrings #-}

module Main (main) where

import Data.ByteString.Builder (byteString)
import Data.Maybe (fromMaybe)
import Network.HTTP.Types (hContentType, status200, status404)
import Network.HTTP.Types.URI (decodePathSegments)
import Network.Wai (Application, rawPathInfo, responseBuilder)
import Network.Wai.Handler.Warp (run)
import System.Environment (lookupEnv)
import qualified Data.Text.Encoding as Text

main :: IO ()
main = do
  port <- lookupEnv "PORT"
  run (read (fromMaybe "3000" port)) app

app :: Application
app request respond = respond $ case decodePathSegments (rawPathInfo request) of
  [] -> ok "Hello from Haskell\n"
  ["greet", name] -> ok ("Hello, " <> Text.encodeUtf8 name <> "\n")
  _ -> text status404 "Not found\n"
  where
    ok = text status200
    text status = responseBuilder status [(hContentType, "text/plain; charset=utf-8")] . byteString
