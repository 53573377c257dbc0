(ns hello.core
  (:require [clojure.data.json :as json]
            [clojure.string :as string])
  (:import (com.sun.net.httpserver HttpExchange HttpHandler HttpServer)
           (java.net InetSocketAddress))
  (:gen-class))

(defn answer [path]
  (cond
    (= path "/") [200 "Hello from Clojure\n"]
    (string/starts-with? path "/greet/") [200 (str (json/write-str {:greeting (str "Hello, " (subs path 7))}) "\n")]
    :else [404 "not found\n"]))

(def handler
  (reify HttpHandler
    (^void handle [_ ^HttpExchange exchange]
      (let [[status ^String text] (answer (.getPath (.getRequestURI exchange)))
            body (.getBytes text "UTF-8")]
        (.sendResponseHeaders exchange status (count body))
        (with-open [out (.getResponseBody exchange)]
          (.write out body))))))

(defn -main []
  (let [port (Integer/parseInt (or (System/getenv "PORT") "8080"))]
    (doto (HttpServer/create (InetSocketAddress. port) 0)
      (.createContext "/" handler)
      (.start))))
